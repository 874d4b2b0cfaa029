# Managed by the template; updates merge into this file.
"""Where every refusal over HTTP becomes a response, an audit event and a count."""

import json
import logging
from collections.abc import Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .audit import AuditTrail
from .errors import Refused
from .logs import start_reference
from .metrics import count_refusal

logger = logging.getLogger(__name__)

SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"strict-transport-security", b"max-age=63072000; includeSubDomains"),
)


class Refusals:
    """The outermost layer: names each request, and answers for those that are refused further in."""

    def __init__(self, app: ASGIApp, audit: AuditTrail) -> None:
        self._app = app
        self._audit = audit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start_reference()
        started = False

        async def send_secured(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = add_missing(message.get("headers", ()), SECURITY_HEADERS)
            await send(message)

        try:
            await self._app(scope, receive, send_secured)
        except Refused as refused:
            self._record(scope, refused)
            await respond(send_secured, refused)
        except Exception:
            logger.exception("request failed")
            if started:
                raise
            await respond(send_secured, Refused(500, "internal_error", "Internal error", code=-32603))

    def _record(self, scope: Scope, refused: Refused) -> None:
        count_refusal(refused.reason)
        client = scope.get("client")
        self._audit.record(
            "refusal",
            scope.get("principal"),
            decision="refused",
            reason=refused.reason,
            detail=refused.detail or refused.message,
            status=refused.status,
            path=scope["path"],
            peer=client[0] if client else None,
        )


def add_missing(
    headers: Sequence[tuple[bytes, bytes]], defaults: Sequence[tuple[bytes, bytes]]
) -> list[tuple[bytes, bytes]]:
    """The headers, with those defaults whose name they lack."""
    present = {name.lower() for name, _ in headers}
    return [*headers, *(header for header in defaults if header[0] not in present)]


async def respond(send: Send, refused: Refused) -> None:
    """Answer with the refusal as a JSON-RPC error that belongs to no request."""
    error = {"code": refused.status if refused.code is None else refused.code, "message": refused.message}
    body = json.dumps({"jsonrpc": "2.0", "id": None, "error": error}).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body)), **refused.headers}
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refused.status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
