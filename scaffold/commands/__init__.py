"""One module a command: a list of steps."""
