# Managed by the template; updates merge into this file.
"""What the sample server offers."""
