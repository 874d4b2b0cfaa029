# Managed by the template; updates merge into this file.
"""What a server over HTTP is tested with besides: tools that look beyond their arguments, resources, what crashes."""

from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp_types import ElicitRequest, ElicitRequestFormParams, InputRequiredResult
from pydantic import BaseModel


class Told(BaseModel):
    text: str


async def touch(ctx: Context) -> Told:
    await ctx.notify_resource_updated("items://1")
    return Told(text="touched")


async def see_request(ctx: Context) -> Told:
    request = ctx.request_context.request
    return Told(text=" ".join(request.headers) if request is not None else "")


async def ask_first(ctx: Context) -> Told | InputRequiredResult:
    if ctx.request_state == "asked":
        return Told(text=f"answered {sorted(ctx.input_responses or {})}")
    schema: dict[str, Any] = {"type": "object", "properties": {"sure": {"type": "boolean"}}}
    form = ElicitRequest(params=ElicitRequestFormParams(message="Sure?", requested_schema=schema))
    return InputRequiredResult(input_requests={"sure": form}, request_state="asked")


async def purge_items() -> Told:
    return Told(text="purged")


async def read_resource(item: str) -> str:
    return f"item {item}"


async def broken() -> str:
    raise RuntimeError("the database password is hunter2")


def register(server: MCPServer[Any]) -> None:
    server.resource("items://{item}", name="item")(read_resource)
    server.resource("broken://it")(broken)
    server.prompt()(broken)
    for tool in (touch, see_request, ask_first, purge_items):
        server.add_tool(tool)
