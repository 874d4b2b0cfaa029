# Managed by the template; updates merge into this file.
"""The only module that touches the inside of the MCP SDK; everything here is checked by its tests on every upgrade."""

from collections.abc import Mapping
from typing import Any

from mcp.server import MCPServer
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.subscriptions import ListenHandler, SubscriptionBus
from mcp_types import SERVER_INFO_META_KEY, CallToolResult, SubscriptionsListenRequestParams, TextContent
from mcp_types.methods import serialize_server_result
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError
from pydantic_core import to_json

from .errors import ConfigurationError
from .policy import Features


def list_features(server: MCPServer[Any]) -> Features:
    """What is registered, by the names that a policy uses."""
    resources = server._resource_manager
    return Features(
        tools=frozenset(tool.name for tool in server._tool_manager.list_tools()),
        resources=frozenset(str(resource.uri) for resource in resources.list_resources())
        | frozenset(template.uri_template for template in resources.list_templates()),
        prompts=frozenset(prompt.name for prompt in server._prompt_manager.list_prompts()),
    )


def prepare_tools(server: MCPServer[Any]) -> None:
    """Say in every tool's schema that unknown arguments are refused; raise `ConfigurationError` for a blocking tool."""
    for tool in server._tool_manager.list_tools():
        if not tool.is_async:
            raise ConfigurationError(f"The tool {tool.name} must be `async def`: no deadline can cancel a thread.")
        tool.parameters["additionalProperties"] = False


def argument_errors(server: MCPServer[Any], tool_name: str, arguments: Mapping[str, Any]) -> list[str]:
    """Why a tool's arguments do not fit its schema, without coercion; the SDK would turn `"1"` into 1 and ignore extras."""
    tool = server._tool_manager.get_tool(tool_name)
    if tool is None:
        return []
    try:
        tool.fn_metadata.arg_model.model_validate_json(to_json(arguments), strict=True, extra="forbid")
    except ValidationError as error:
        return [f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors()]
    return []


def hide_empty_capabilities(server: MCPServer[Any]) -> None:
    """The SDK advertises resources and prompts even when there are none."""
    features = list_features(server)
    handlers = server._lowlevel_server._request_handlers
    unused = [] if features.prompts else ["prompts/list", "prompts/get"]
    unused += [] if features.resources else ["resources/list", "resources/templates/list", "resources/read"]
    for method in unused:
        handlers.pop(method, None)


def serve_subscriptions(server: MCPServer[Any], bus: SubscriptionBus, max_subscriptions: int) -> ListenHandler:
    """Register `subscriptions/listen` with a bound, and return its handler, whose `close` ends all streams."""
    handler = ListenHandler(bus, max_subscriptions=max_subscriptions)
    server._lowlevel_server.add_request_handler("subscriptions/listen", SubscriptionsListenRequestParams, handler)
    return handler


def open_sessions(server: MCPServer[Any], max_body_bytes: int) -> StreamableHTTPSessionManager:
    """The protocol's endpoint without a session; hosts, origins and credentials are checked before it."""
    return StreamableHTTPSessionManager(server._lowlevel_server, stateless=True, max_request_body_size=max_body_bytes)


def is_masked_crash(tool_name: str, text: str) -> bool:
    """Whether a tool's error text is the SDK's generic one, which hides an unexpected exception."""
    return text == f"Error executing tool {tool_name}"


def tool_error(server: MCPServer[Any], version: str, text: str) -> dict[str, Any]:
    """The wire form of a failed tool call, as the SDK would have shaped it for a protocol `version`."""
    result = CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)
    dumped = result.model_dump(by_alias=True, mode="json", exclude_none=True)
    wire = serialize_server_result("tools/call", version, dumped)
    if version in MODERN_PROTOCOL_VERSIONS:
        wire["_meta"] = {SERVER_INFO_META_KEY: server._lowlevel_server.server_info_stamp}
    return wire
