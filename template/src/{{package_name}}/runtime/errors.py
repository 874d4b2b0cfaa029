# Managed by the template; updates merge into this file.
"""What keeps the server from starting, and a call from going on."""

from dataclasses import dataclass
from typing import Any

from mcp.shared.exceptions import MCPError


class ConfigurationError(Exception):
    """The server must not start like this; the message tells an operator what to change."""


class CallRefused(MCPError):
    """The server itself refuses a call, for a reason that is one of a few fixed words: it labels a metric."""

    def __init__(self, reason: str, code: int, message: str, data: object = None) -> None:
        super().__init__(code, message, data)
        self.reason = reason


@dataclass(eq=False)
class ArgumentsRefused(Exception):
    """A tool's arguments do not fit; the result tells the model what to correct."""

    result: dict[str, Any]
