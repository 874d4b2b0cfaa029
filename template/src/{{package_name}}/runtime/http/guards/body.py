# Managed by the template; updates merge into this file.
"""The body: bounded in size, alone and with all others, in shape and time, parsed once, and one JSON-RPC message."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any

from pydantic_core import to_json
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...access.principal import current_principal
from ...interchange import read_json
from ...settings import Settings
from ..asgi_scope import known
from ..errors import RequestRefused
from ..headers import single_headers
from .shares import Share, Shares

MAX_DEPTH = 64
MAX_CONTAINERS = 10_000
"""So many objects and lists a body may hold: far more would keep the server busy before anything is decided."""
JSON = b"application/json"
UNENCODED = {"accept-encoding": "identity"}
# The closing quote is optional, so that no match can fail and start over: the search stays linear.
_NO_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"?|[^\[\]{}"]+', re.DOTALL)

_FRACTION = re.compile(rb"\d[.eE]")


class Body:
    """Reads the body for those further in, who find the parsed message as `known(scope)["message"]`."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._max_bytes = settings.max_body_bytes
        self._timeout = settings.body_timeout_seconds
        total = settings.max_body_bytes_in_flight
        self._in_flight = Shares("bodies", total, total // 2, retry_seconds=1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = single_headers(scope, b"content-type", b"content-encoding", b"content-length")
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json":
            raise RequestRefused(415, "media_type", "The body must be application/json.")
        if (headers.get("content-encoding") or "identity").lower() != "identity":
            raise RequestRefused(415, "content_encoding", "The body must not be encoded.", headers=UNENCODED)
        # The SDK tells another case of it apart, in one revision.
        scope["headers"] = [(name, JSON if name == b"content-type" else value) for name, value in scope["headers"]]
        if int(headers.get("content-length", 0)) > self._max_bytes:
            raise self._too_large()
        with self._in_flight.share_of(current_principal().key) as share:
            body = await self._read(receive, share)
            known(scope)["message"] = message = parse_message(body)
            if _FRACTION.search(body):  # The SDK would read 5.0 anew, and as another number than 5.
                body = to_json(message)
            await self._app(scope, _replay(body, receive), send)

    async def _read(self, receive: Receive, share: Share) -> bytes:
        body = bytearray()
        try:
            async with asyncio.timeout(self._timeout):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise RequestRefused(400, "disconnected", "The client went away.")
                    part = message.get("body", b"")
                    if len(body) + len(part) > self._max_bytes:
                        raise self._too_large()
                    share.take(len(part))
                    body += part
                    if not message.get("more_body", False):
                        return bytes(body)
        except TimeoutError:
            raise RequestRefused(
                408, "slow_body", "The body took too long to arrive.", headers={"connection": "close"}
            ) from None

    def _too_large(self) -> RequestRefused:
        return RequestRefused(413, "body_too_large", f"The body is larger than {self._max_bytes} bytes.")


def parse_message(body: bytes) -> Mapping[str, Any]:
    """The body as one JSON-RPC 2.0 message.

    Raises:
        RequestRefused: 400, with -32700 for what is not JSON, -32600 for what is not one message, or is too deep or too much.
    """
    _check_shape(body)
    try:
        message = read_json(body)
    except ValueError as error:
        raise RequestRefused(400, "malformed_json", f"The body is not valid JSON: {error}.", code=-32700) from None
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        raise RequestRefused(400, "malformed_message", "The body must be one JSON-RPC 2.0 message.", code=-32600)
    identifier = message.get("id", "")
    if isinstance(identifier, bool) or not isinstance(identifier, str | int):
        raise RequestRefused(400, "malformed_message", "The id must be a string or a whole number.", code=-32600)
    method = message.get("method", "")
    if not isinstance(method, str):
        raise RequestRefused(400, "malformed_message", "The method must be a string.", code=-32600)
    if "id" not in message and not method.startswith("notifications/"):
        raise RequestRefused(400, "malformed_message", "A request needs an id.", code=-32600)
    return message


def _check_shape(body: bytes) -> None:
    # So few brackets cannot be nested too deep; counting them is much quicker.
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return
    brackets = _NO_BRACKETS.sub(b"", body)
    if len(brackets) > 2 * MAX_CONTAINERS:
        reason = f"The body holds more than {MAX_CONTAINERS} objects and lists."
        raise RequestRefused(400, "too_many_parts", reason, code=-32600)
    if _depth(brackets) > MAX_DEPTH:
        raise RequestRefused(400, "too_deep", f"The body is nested deeper than {MAX_DEPTH} levels.", code=-32600)


def _depth(brackets: bytes) -> int:
    depth = deepest = 0
    for bracket in brackets:
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _replay(body: bytes, receive: Receive) -> Receive:
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    return replay
