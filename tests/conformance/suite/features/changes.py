"""Lists that change, and the methods that 2025-11-25 still has: log levels and resource subscriptions."""

from typing import Any

from mcp.server import MCPServer, ServerRequestContext
from mcp.server.mcpserver import Context
from mcp_types import (
    EmptyResult,
    RequestParams,
    SetLevelRequestParams,
    SubscribeRequestParams,
    UnsubscribeRequestParams,
)


async def test_trigger_tool_change(ctx: Context) -> str:
    """Announce that the list of tools changed."""
    await ctx.notify_tools_changed()
    return "tool list changed"


async def test_trigger_prompt_change(ctx: Context) -> str:
    """Announce that the list of prompts changed."""
    await ctx.notify_prompts_changed()
    return "prompt list changed"


async def accept(_ctx: ServerRequestContext[Any, Any], _params: RequestParams) -> EmptyResult:
    """Take note."""
    return EmptyResult()


def register(server: MCPServer[Any]) -> None:
    """Add the tools, and the handlers that `MCPServer` has no public way to add."""
    server.add_tool(test_trigger_tool_change)
    server.add_tool(test_trigger_prompt_change)
    handlers = server._lowlevel_server
    handlers.add_request_handler("logging/setLevel", SetLevelRequestParams, accept)
    handlers.add_request_handler("resources/subscribe", SubscribeRequestParams, accept)
    handlers.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, accept)
