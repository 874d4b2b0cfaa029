"""Tools that ask the client during a call, as 2025-11-25 does it."""

from typing import Any, Literal

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp_types import SamplingMessage, TextContent
from pydantic import BaseModel, Field, JsonValue


class Answer(BaseModel):
    response: str = Field(description="User's response")


class Defaults(BaseModel):
    """SEP-1034: a default for each primitive type."""

    name: str = "John Doe"
    age: int = 30
    score: float = 95.5
    status: Literal["active", "inactive", "pending"] = "active"
    verified: bool = True


TITLED: list[JsonValue] = [
    {"const": "low", "title": "Low"},
    {"const": "medium", "title": "Medium"},
    {"const": "high", "title": "High"},
]
PLAIN: list[JsonValue] = ["active", "inactive", "pending"]


class Choices(BaseModel):
    """SEP-1330: every way to write an enumeration."""

    untitledSingle: str = Field(json_schema_extra={"enum": PLAIN})
    titledSingle: str = Field(json_schema_extra={"oneOf": TITLED})
    untitledMulti: list[str] = Field(json_schema_extra={"items": {"type": "string", "enum": PLAIN}})
    titledMulti: list[str] = Field(json_schema_extra={"items": {"anyOf": TITLED}})
    legacyEnum: str = Field(json_schema_extra={"enum": PLAIN, "enumNames": ["Active", "Inactive", "Pending"]})


async def test_sampling(prompt: str, ctx: Context) -> str:
    """Have the client's model complete a prompt."""
    message = SamplingMessage(role="user", content=TextContent(type="text", text=prompt))
    result = await ctx.session.create_message([message], max_tokens=100, related_request_id=ctx.request_id)
    return f"LLM response: {result.content}"


async def test_elicitation(message: str, ctx: Context) -> str:
    """Ask the person for a text."""
    return await _ask(ctx, message, Answer)


async def test_elicitation_sep1034_defaults(ctx: Context) -> str:
    """Ask with defaults."""
    return await _ask(ctx, "Who are you?", Defaults)


async def test_elicitation_sep1330_enums(ctx: Context) -> str:
    """Ask with enumerations."""
    return await _ask(ctx, "Choose.", Choices)


async def _ask(ctx: Context, message: str, schema: type[BaseModel]) -> str:
    result = await ctx.elicit(message, schema)
    return f"Elicitation completed: action={result.action}"


def register(server: MCPServer[Any]) -> None:
    """Add the tools."""
    for tool in (
        test_sampling,
        test_elicitation,
        test_elicitation_sep1034_defaults,
        test_elicitation_sep1330_enums,
    ):
        server.add_tool(tool)
