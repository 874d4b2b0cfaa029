# Managed by the template; updates merge into this file.
"""Arguments are taken as they are or refused: nothing is coerced and nothing unknown is ignored."""

from collections.abc import Mapping
from typing import Any

from mcp.server import MCPServer
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp_types import INVALID_PARAMS

from ..cleaning import cut
from ..sdk import argument_errors, prompt_errors, tool_error
from .errors import ArgumentsRefused, CallRefused


class Inputs:
    """Refuses a misfit with an error that tells the model what to correct first."""

    def __init__(self, server: MCPServer[Any]) -> None:
        self._server = server

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        arguments = (ctx.params or {}).get("arguments") or {}
        match ctx.method, ctx.params, arguments:
            case "tools/call", {"name": str(name)}, Mapping():
                if errors := argument_errors(self._server, name, arguments):
                    text = cut(f"Invalid arguments: {'; '.join(errors[:10])}")
                    raise ArgumentsRefused(tool_error(self._server, ctx.protocol_version, text))
            case "prompts/get", {"name": str(name)}, Mapping():
                if errors := prompt_errors(self._server, name, arguments):
                    raise CallRefused("invalid_arguments", INVALID_PARAMS, "; ".join(errors))
        return await call_next(ctx)
