# Managed by the template; updates merge into this file.
"""What keeps a call from going on."""

from mcp.shared.exceptions import MCPError


class CallRefused(MCPError):
    """The server itself refuses a call, for a reason that is one of a few fixed words: it labels a metric."""

    def __init__(self, reason: str, code: int, message: str, data: object = None) -> None:
        super().__init__(code, message, data)
        self.reason = reason


class ArgumentsRefused(Exception):
    """A tool's arguments do not fit; its one argument is the result that tells the model what to correct."""
