# Managed by the template; updates merge into this file.
"""Protocol headers, held against the body before anything is decided from either."""

from collections.abc import Mapping
from typing import Any

from mcp.shared.inbound import MCP_PROTOCOL_VERSION_HEADER, InboundLadderRejection, classify_inbound_request
from mcp_types import HEADER_MISMATCH, INVALID_PARAMS, PROTOCOL_VERSION_META_KEY
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.types import ASGIApp, Receive, Scope, Send

from ..asgi_scope import known
from ..errors import RequestRefused
from ..headers import single_headers

ROUTING_HEADERS = (b"mcp-protocol-version", b"mcp-method", b"mcp-name")
MAX_SUBSCRIBED_URIS = 100
"""Each is held against every rule of the policy, before anything counts the request."""


class Protocol:
    """Refuses headers that are missing, repeated, unreadable or another request's than the body's, and long lists."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = single_headers(scope, *ROUTING_HEADERS, code=HEADER_MISMATCH)
        if any(name.startswith(b"mcp-") and not value.isascii() for name, value in scope["headers"]):
            raise RequestRefused(400, "protocol_headers", "Mcp- headers are ASCII.", code=HEADER_MISMATCH)
        if _subscribed_uris(known(scope)["message"]) > MAX_SUBSCRIBED_URIS:
            reason = f"A subscription names at most {MAX_SUBSCRIBED_URIS} resources."
            raise RequestRefused(400, "too_many_parts", reason, code=INVALID_PARAMS)
        if error := find_error(known(scope)["message"], headers):
            raise RequestRefused(400, "protocol_headers", error.message, code=error.code, data=error.data)
        await self._app(scope, receive, send)


def find_error(message: Mapping[str, Any], headers: Mapping[str, str]) -> InboundLadderRejection | None:
    """What is wrong with a request's version and routing headers; before 2026-07-28 there were none to hold it to."""
    older = headers.get(MCP_PROTOCOL_VERSION_HEADER) in (None, *HANDSHAKE_PROTOCOL_VERSIONS)
    if "id" not in message or (older and not _names_its_version(message)):
        return None
    verdict = classify_inbound_request(message, headers=headers)
    return verdict if isinstance(verdict, InboundLadderRejection) else None


def _subscribed_uris(message: Mapping[str, Any]) -> int:
    match message:
        case {"method": "subscriptions/listen", "params": {"notifications": {"resourceSubscriptions": [*uris]}}}:
            return len(uris)
    return 0


def _names_its_version(message: Mapping[str, Any]) -> bool:
    """The body says which version it is in, as there is none before 2026-07-28 that does; its headers must say so too."""
    match message:
        case {"params": {"_meta": {**meta}}}:
            return PROTOCOL_VERSION_META_KEY in meta
    return False
