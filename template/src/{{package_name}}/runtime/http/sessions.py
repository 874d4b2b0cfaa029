# Managed by the template; updates merge into this file.
"""The SDK's endpoint, without what layers before it have done already."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from mcp.server import MCPServer
from mcp.server.auth.middleware.bearer_auth import AuthorizationContext
from mcp.server.connection import Connection
from mcp.server.runner import serve_one
from mcp.server.streamable_http import StreamableHTTPServerTransport, check_accept_headers
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.subscriptions import ListenHandler
from mcp.shared.inbound import MCP_PROTOCOL_VERSION_HEADER, validate_mcp_param_headers, x_mcp_header_map
from mcp_types import (
    CLIENT_CAPABILITIES_META_KEY,
    CLIENT_INFO_META_KEY,
    DEFAULT_NEGOTIATED_VERSION,
    SubscriptionsListenRequestParams,
)
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from .asgi_scope import known
from .errors import RequestRefused
from .exchange import Exchange


def serve_subscriptions(server: MCPServer[Any], handler: ListenHandler) -> None:
    """Let `handler` serve `subscriptions/listen` in place of the SDK's own."""
    server._lowlevel_server.add_request_handler("subscriptions/listen", SubscriptionsListenRequestParams, handler)


class Sessions(StreamableHTTPSessionManager):
    """The protocol's endpoint; hosts, origins, credentials and bodies are checked before it.

    2026-07-28 has no sessions. Clients of 2025-11-25 get one where `max_sessions` leaves room for any, and no principal
    more than half of them; one that nobody uses ends after half an hour.
    """

    def __init__(self, server: MCPServer[Any], max_sessions: int) -> None:
        super().__init__(server._lowlevel_server, stateless=not max_sessions, max_sessions=max_sessions or None)
        schemas = {tool.name: tool.parameters for tool in server._tool_manager.list_tools()}
        self._named_in_headers = {name: schema for name, schema in schemas.items() if x_mcp_header_map(schema)}

    @property
    def open(self) -> int:
        """How many there are now."""
        return len(self._session_owners)

    async def handle_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request that was bounded, parsed and held against its headers before.

        The SDK would do all three again, and answer one of 2025-11-25 by a stream of events, whatever there is to say.
        It goes on to serve what has a session or belongs to one, notifications and subscriptions.
        """
        version = _named_version(scope)
        is_alone = version in MODERN_PROTOCOL_VERSIONS or (self.stateless and version in HANDSHAKE_PROTOCOL_VERSIONS)
        message = known(scope)["message"]
        if is_alone and _is_call(message):
            await self._serve_alone(Exchange(scope, receive, send), message, version)
        else:
            await self._handle_request(scope, receive, send)

    async def _serve_alone(self, exchange: Exchange, message: Mapping[str, Any], version: str) -> None:
        headers = exchange.transport.headers or {}
        if not _accepts_both(headers.get("accept", "")):
            raise RequestRefused(406, "protocol", "The client must accept application/json and text/event-stream.")
        method, params = message["method"], message.get("params")
        info = capabilities = None
        if version in MODERN_PROTOCOL_VERSIONS:
            meta = message["params"]["_meta"]
            info, capabilities = meta.get(CLIENT_INFO_META_KEY), meta[CLIENT_CAPABILITIES_META_KEY]
            self._check_parameter_headers(message, headers)
        connection, state = Connection.from_envelope(version, info, capabilities), self._lifespan_state
        serving = serve_one(self.app, exchange, method, params, connection=connection, lifespan_state=state)
        await exchange.answer(serving, version)

    def _check_parameter_headers(self, message: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        """Refuse headers that name other arguments than the body, for tools that have such headers."""
        match message:
            case {"method": "tools/call", "params": {"name": str(name), **params}} if name in self._named_in_headers:
                arguments = params.get("arguments") or {}
            case _:
                return
        schema = self._named_in_headers[name]
        error = validate_mcp_param_headers(schema, arguments, headers) if isinstance(arguments, Mapping) else None
        if error is not None:
            raise RequestRefused(400, "protocol_headers", error.message, code=error.code, data=error.data)

    def _admit_session(self, requestor: AuthorizationContext | None) -> StreamableHTTPServerTransport | None:
        """Make room for a session, if there is any; whose it is, is known where callers are authenticated."""
        if requestor and self.max_sessions and self._held_by(requestor) >= max(1, self.max_sessions // 2):
            later = {"retry-after": "60"}
            raise RequestRefused(429, "own_sessions", "Too many sessions at once: try again.", headers=later)
        return super()._admit_session(requestor)

    def _held_by(self, requestor: AuthorizationContext) -> int:
        """By one person, through any client."""
        whose = (requestor["issuer"], requestor["subject"])
        return sum((owner["issuer"], owner["subject"]) == whose for owner in self._session_owners.values())


def _named_version(scope: Scope) -> str:
    name = MCP_PROTOCOL_VERSION_HEADER.encode()
    named = (value.decode("latin-1") for header, value in scope["headers"] if header == name)
    return next(named, DEFAULT_NEGOTIATED_VERSION)


def _is_call(message: Mapping[str, Any]) -> bool:
    """One request that has one answer."""
    method, params = message.get("method"), message.get("params")
    return "id" in message and method not in (None, "subscriptions/listen") and isinstance(params, dict | None)


@lru_cache(maxsize=100)
def _accepts_both(accept: str) -> bool:
    """A client must list both kinds of answer, so that the server may choose (MCP, Streamable HTTP)."""
    return all(check_accept_headers(Request({"type": "http", "headers": [(b"accept", accept.encode("latin-1"))]})))
