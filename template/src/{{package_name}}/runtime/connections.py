# Managed by the template; updates merge into this file.
"""Connections: how many there are, and how long a client may keep the server waiting for the rest of a message."""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from uvicorn.protocols.http.flow_control import CLOSE_HEADER
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from .refused import Refused

MAX_HEAD_BYTES = 32_768
MAX_PIPELINED = 32
"""So many requests may wait for the answer to the one before them."""
RETRY = {"retry-after": "1"}


class Owed(Enum):
    """What of a request's message is still to come."""

    NOTHING = 0
    HEAD = 1
    BODY = 2


@dataclass(slots=True)
class ConnectionLimits:
    """What all connections of a server share."""

    max_connections: int
    patience_seconds: float
    record: Callable[[Mapping[str, Any], Refused], None]
    tls: ssl.SSLContext | None = None
    waiting: dict["BoundedConnection", None] = field(default_factory=dict)
    """Connections without a request, the one that has been so the longest first."""


class BoundedConnection(HttpToolsProtocol):
    """HTTP/1.1 with a clock that runs while the client owes the rest of a message that no application reads.

    Where there are too many connections, the one that has waited longest without a request gives way, so that
    clients that send nothing cannot keep out those that do.
    """

    def __init__(self, *, limits: ConnectionLimits, **given: Any) -> None:
        super().__init__(**given)
        self._limits = limits
        self._owed = Owed.NOTHING
        self._head_bytes = 0
        self._clock: asyncio.TimerHandle | None = None
        self._wire: asyncio.Transport | None = None

    @property
    def is_secured(self) -> bool:
        """Whether what is written now goes through TLS."""
        return self.scheme == "https"

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin with TCP's transport, and where there is TLS, go on with its own after the handshake."""
        super().connection_made(transport)
        self._follow()
        if self._wire is None:
            self._wire = transport
            self._make_room()

    def _make_room(self) -> None:
        if len(self.connections) > self._limits.max_connections:
            next(iter(self._limits.waiting))._give_way()

    def shutdown(self) -> None:
        super().shutdown()
        self._follow()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop_clock()
        self._limits.waiting.pop(self, None)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._owed is Owed.HEAD and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self.send_400_response("The head of the request is too large.")
        self._follow()

    def on_message_begin(self) -> None:
        """A first byte of a request has come."""
        super().on_message_begin()
        self._owed, self._head_bytes = Owed.HEAD, 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field of the head; in trailers it could pass for one (RFC 9110 section 6.5.1), so those are dropped."""
        if self._owed is Owed.HEAD:
            super().on_header(name, value.strip(b" \t"))

    def on_headers_complete(self) -> None:
        """Start the request, unless its head is none for this server; the parser turns an exception into 400."""
        if not self.url.startswith(b"/"):
            raise ValueError("a request target of another form than origin-form, as only proxies need it")
        if sum(len(name) + len(value) for name, value in self.headers) > MAX_HEAD_BYTES:
            raise ValueError("too large a head")
        if len(self.pipeline) >= MAX_PIPELINED:
            raise ValueError("too many requests at once")
        self._owed = Owed.BODY
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """A request is there, whole."""
        self._owed = Owed.NOTHING
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._follow()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._follow()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._follow()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP; an application that is already at work writes to nobody from now on."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self._refuse(Refused(400, "malformed_http", msg))

    def _follow(self) -> None:
        """Bring the clock, and the list of those without a request, in line with the state of the conversation."""
        at_work = self.cycle is not None and not self.cycle.response_complete
        if at_work or self.transport.is_closing():
            self._limits.waiting.pop(self, None)
        else:
            self._limits.waiting.setdefault(self)
        if self._wire and self.transport.is_closing() and not self.transport.get_write_buffer_size():
            self._wire.close()  # All is said, and nothing waits for TLS to be told so too (RFC 8446 section 6.1).
        if self._is_unread() or not (at_work or self._is_idle()):
            self._start_clock()
        else:
            self._stop_clock()

    def _is_unread(self) -> bool:
        """The client does not read what it asked for."""
        return self.flow.write_paused or self.transport.is_closing()

    def _is_idle(self) -> bool:
        """Between two requests; how long that may last is for the keep-alive timeout."""
        return self.cycle is not None and self._owed is Owed.NOTHING

    def _start_clock(self) -> None:
        if self._clock is None:
            self._clock = self.loop.call_later(self._limits.patience_seconds, self._lose_patience)

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _lose_patience(self) -> None:
        self._clock = None
        if self._is_unread():
            self.transport.abort()
        elif self._owed is Owed.HEAD:
            self._refuse(Refused(408, "slow_client", "The request took too long to arrive."))
        else:
            self._close()

    def _give_way(self) -> None:
        if self._is_idle():
            self._close()
        else:
            self._refuse(Refused(503, "too_many_connections", "Too many connections: try again.", headers=RETRY))

    def _refuse(self, refused: Refused) -> None:
        self._limits.record({"client": self.client}, refused)
        speaks_http = self.is_secured or self._limits.tls is None
        if speaks_http and not self._is_answering():
            headers, body = refused.answer()
            fields = [b"%b: %b\r\n" % header for header in (*headers, CLOSE_HEADER)]
            self.transport.write(b"".join([STATUS_LINE[refused.status], *fields, b"\r\n", body]))
        self._close()

    def _is_answering(self) -> bool:
        """Another request has a part of its answer, or is to be answered first."""
        if self.cycle is None or self.cycle.response_complete:
            return False
        return self.cycle.response_started or bool(self.pipeline)

    def _close(self) -> None:
        self.transport.close()
        self._follow()
