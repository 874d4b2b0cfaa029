# Managed by the template; updates merge into this file.
"""One request and its answer: in JSON, or as a stream of events from the moment that something is said on the way."""

import asyncio
from collections.abc import Awaitable, Mapping
from functools import cached_property
from typing import Any

import anyio
from mcp.server.runner import modern_error_data
from mcp.shared.dispatcher import CallOptions
from mcp.shared.exceptions import NoBackChannelError
from mcp.shared.inbound import ERROR_CODE_HTTP_STATUS
from mcp.shared.jsonrpc_dispatcher import progress_token_from_params
from mcp.shared.message import ServerMessageMetadata
from mcp.shared.transport_context import TransportContext
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic_core import to_json
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from .asgi_scope import known

ATTENDED_AFTER_SECONDS = 0.05
"""Most calls are answered sooner, and need nobody who looks whether the client is still there."""
PING_SECONDS = 15.0
"""A proxy would close a connection on which nothing is said for longer."""
PING = b": ping\r\n\r\n"
STREAM_HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]


class Exchange:
    """What a call's code has of its client: it can be told of progress, and not be asked (the SDK's `DispatchContext`)."""

    can_send_request = False

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        message, request = known(scope)["message"], Request(scope)
        self.request_id = message["id"]
        self.transport = TransportContext(kind="streamable-http", can_send_request=False, headers=request.headers)
        self.message_metadata = ServerMessageMetadata(request_context=request)
        self._progress_token = progress_token_from_params(message.get("params"))
        self._receive = receive
        self._send = send
        self._is_stream = False
        self._saying = asyncio.Lock()

    @cached_property
    def cancel_requested(self) -> anyio.Event:
        """Never set: a client cancels by going away, and then all of the call is cancelled."""
        return anyio.Event()

    async def send_raw_request(
        self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None
    ) -> dict[str, Any]:
        """Refuse: where there is no session, the client's reply could not find its way to this process."""
        raise NoBackChannelError(method)

    async def notify(self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None) -> None:
        """Tell the client something before the answer."""
        members = {} if params is None else {"params": params}
        await self._say(_event({"jsonrpc": "2.0", "method": method, **members}))

    async def progress(self, progress: float, total: float | None = None, message: str | None = None) -> None:
        """Tell how far it is, if the client gave a token for that."""
        if self._progress_token is not None:
            told = {"progressToken": self._progress_token, "progress": progress, "total": total, "message": message}
            await self.notify("notifications/progress", {name: it for name, it in told.items() if it is not None})

    async def answer(self, serving: Awaitable[dict[str, Any]], version: str) -> None:
        """Answer with what comes of serving the request; a client that goes away meanwhile cancels it."""
        with anyio.CancelScope() as call:
            attendance: list[asyncio.Task[None]] = []
            loop = asyncio.get_running_loop()
            waiting = loop.call_later(
                ATTENDED_AFTER_SECONDS, lambda: attendance.append(loop.create_task(self._attend(call)))
            )
            try:
                message = await self._outcome(serving)
            finally:
                waiting.cancel()
                for task in attendance:
                    task.cancel()
            async with self._saying:
                if self._is_stream:
                    await self._send({"type": "http.response.body", "body": _event(message)})
                else:
                    await self._send_json(_status_of(message, version), to_json(message))

    async def _outcome(self, serving: Awaitable[dict[str, Any]]) -> dict[str, Any]:
        head = {"jsonrpc": "2.0", "id": self.request_id}
        try:
            return {**head, "result": await serving}
        except Exception as error:
            return {**head, "error": modern_error_data(error).model_dump(mode="json", exclude_none=True)}

    async def _attend(self, call: anyio.CancelScope) -> None:
        """Cancel the call when its client goes away, and keep a silent connection from being closed."""
        while True:
            try:
                async with asyncio.timeout(PING_SECONDS):
                    gone = (await self._receive())["type"] == "http.disconnect"
            except TimeoutError:
                await self._say(PING)
            else:
                if gone:
                    call.cancel()
                    return

    async def _say(self, event: bytes) -> None:
        async with self._saying:
            if not self._is_stream:
                self._is_stream = True
                await self._send({"type": "http.response.start", "status": 200, "headers": STREAM_HEADERS})
            await self._send({"type": "http.response.body", "body": event, "more_body": True})

    async def _send_json(self, status: int, body: bytes) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


def _status_of(message: Mapping[str, Any], version: str) -> int:
    """Before 2026-07-28 the HTTP status says nothing of a call's error."""
    if "error" not in message or version not in MODERN_PROTOCOL_VERSIONS:
        return 200
    return ERROR_CODE_HTTP_STATUS.get(message["error"]["code"], 200)


def _event(message: Mapping[str, Any]) -> bytes:
    return b"event: message\r\ndata: %b\r\n\r\n" % to_json(message)
