# Managed by the template; updates merge into this file.
"""What keeps the server from starting."""


class ConfigurationError(Exception):
    """The server must not start like this; the message tells an operator what to change."""
