"""The specification of the project."""
