"""Tools whose input schemas say more than types."""

from typing import Annotated, Any

from mcp.server import MCPServer
from pydantic import Field

DIALECT = "https://json-schema.org/draft/2020-12/schema"
CONTACT: dict[str, Any] = {
    "$schema": DIALECT,
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
}

Region = Annotated[str, Field(max_length=64, json_schema_extra={"x-mcp-header": "Region"})]


async def json_schema_2020_12_tool() -> str:
    """Keep every keyword of JSON Schema 2020-12 (SEP-1613, SEP-2106)."""
    return "json_schema_2020_12_tool"


async def test_x_mcp_header(region: Region = "nowhere") -> str:
    """Mirror an argument in a header (SEP-2243)."""
    return f"region={region}"


def register(server: MCPServer[Any]) -> None:
    """Add the tools; the SDK has no public way to give a tool a schema of one's own."""
    tool = server._tool_manager.add_tool(json_schema_2020_12_tool)
    tool.parameters = dict(CONTACT)
    server.add_tool(test_x_mcp_header)
