"""The template: where it comes from, what it asks, and how it becomes a repository."""
