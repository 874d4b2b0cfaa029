# Managed by the template; updates merge into this file.
"""Connections: how many there are, and how long a client may keep the server waiting for the rest of a message."""

import asyncio
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import httptools
from uvicorn.protocols.http.flow_control import CLOSE_HEADER
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from .asgi_scope import known
from .errors import RequestRefused

MAX_HEAD_BYTES = 32_768
MAX_PIECES = 100
"""So many times the data of one read may look like the end of chunks."""
RETRY = {"retry-after": "1"}
_TOKEN = rb"[!#-'*+\-.0-9A-Z^-z|~]+"
_HEAD = re.compile(
    rb"(?!CONNECT )" + _TOKEN + rb" /[!\"$-~]* HTTP/1\.[01]\r\n(?:" + _TOKEN + rb":[\t -~\x80-\xff]*\r\n)*\r\n"
)
"""A request's head without what is obsolete or not for an origin server (RFC 9112 sections 3, 5.1 and 5.2)."""
_CODING = re.compile(rb"\r\ntransfer-encoding:([^\r]*)")
_AFTER_CHUNKS = re.compile(rb"(?<=\n\r\n)|(?<=\A\r\n)|(?<=\A\n)")
"""Where chunks may end, also where a part of the end came before (RFC 9112 section 7.1)."""
_UPGRADE = re.compile(rb"\r\nupgrade:[^\r]*", re.IGNORECASE)


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
    record: Callable[[Mapping[str, Any], RequestRefused], None]
    tls: ssl.SSLContext | None = None
    waiting: dict["BoundedConnection", None] = field(default_factory=dict)
    """Connections without a request, the one that has been so the longest first."""


class JoinedWrites:
    """Writes the head of an answer with what follows it at once, in one packet; a head alone waits for no more than that."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head = b""
        self._has_begun = False

    def write(self, data: bytes) -> None:
        """Write, after what is held."""
        if self._has_begun:
            head, self._head = self._head, b""
            self._transport.write(head + data)
        else:
            self._has_begun, self._head = True, data
            self._loop.call_soon(self._write_head)

    def is_closing(self) -> bool:
        """As of the transport."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Write what is held, and close."""
        self._write_head()
        self._transport.close()

    def _write_head(self) -> None:
        if self._head:
            self.write(b"")


class BoundedConnection(HttpToolsProtocol):
    """HTTP/1.1 with a clock that runs while the client owes the rest of a message that no application reads.

    Where there are too many connections, the one that has waited longest without a request gives way, so that
    clients that send nothing cannot keep out those that do.
    """

    def __init__(self, *, limits: ConnectionLimits, **given: Any) -> None:
        super().__init__(**given)
        self._limits = limits
        self._owed = Owed.NOTHING
        self._head = b""
        self._left: int | None = 0
        self._beside_body = 0
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
        """Take what has come: of one request at a time, and to its parser only what can be read in one way."""
        self._unset_keepalive_if_required()
        if self._owed is Owed.BODY:
            self._take_body(data)
        elif self._is_at_work():
            self._end_with_answer()
        else:
            self._take_head(data)
        self._follow()

    def _take_head(self, data: bytes) -> None:
        self._owed = Owed.HEAD
        self._head = (self._head + data).lstrip(b"\r\n")
        if not self._head:
            self._await_next()
            return
        head, end, rest = self._head.partition(b"\r\n\r\n")
        if len(head) > MAX_HEAD_BYTES:
            self.send_400_response("The head of the request is too large.")
        elif end:
            self._head = b""
            self._begin(head + end)
            if rest and not self.transport.is_closing():
                self.data_received(rest)

    def _begin(self, head: bytes) -> None:
        """Parse a head with a parser of its own, so that nothing of an earlier request can matter."""
        lower = head.lower()
        codings = [coding.strip() for coding in _CODING.findall(lower)] if b"\r\ntransfer-encoding" in lower else []
        framed = codings in ([], [b"chunked"]) and not (codings and b" HTTP/1.0\r" in head)
        addressed = lower.count(b"\r\nhost:") == 1 or b" HTTP/1.0\r" in head  # RFC 9112 section 3.2
        if not (framed and addressed and _HEAD.fullmatch(head)):
            self.send_400_response("Invalid HTTP request received.")
            return
        self.parser = httptools.HttpRequestParser(self)
        # Another protocol may be offered, and need not be taken.
        self._feed(_UPGRADE.sub(b"", head) if b"\r\nupgrade" in lower else head)

    def _take_body(self, data: bytes) -> None:
        pieces = [piece for piece in self._split(data) if piece]
        if len(pieces) > MAX_PIECES:
            self._close()
        while pieces and self._owed is Owed.BODY and not self.transport.is_closing():
            self._take_piece(pieces.pop(0))
        # A client that was answered before its body was read may have gone on to its next request.
        if (rest := b"".join(pieces)) and not self.transport.is_closing():
            self.data_received(rest)

    def _split(self, data: bytes) -> list[bytes]:
        """Data in pieces, at whose ends the body may end; whether chunks do, only the parser knows."""
        if self._left is not None:
            return [data[: self._left], data[self._left :]]
        return [data] if self._is_at_work() else _AFTER_CHUNKS.split(data)

    def _take_piece(self, body: bytes) -> None:
        if self._left is not None:
            self._left -= len(body)
        self._beside_body += len(body)
        self._feed(body)
        if self._owed is Owed.BODY and self._beside_body > MAX_HEAD_BYTES:
            self.send_400_response("There is too much beside the body.")

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            if self._owed is Owed.NOTHING:
                self._end_with_answer()
            else:
                self.send_400_response("Invalid HTTP request received.")

    def _end_with_answer(self) -> None:
        """Leave what was sent before its turn to be sent again, as clients that do so must (RFC 9112 section 9.3.2)."""
        if self._is_at_work():
            self.cycle.keep_alive = False
        else:
            self._close()

    def on_message_begin(self) -> None:
        """Begin a request; the parser turns an exception into its own."""
        if self._owed is not Owed.HEAD:
            raise ValueError("another request in the same data")
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field of the head; in trailers it could pass for one (RFC 9110 section 6.5.1), so those are dropped."""
        if self._owed is Owed.HEAD:
            super().on_header(name, value.strip(b" \t"))

    def on_headers_complete(self) -> None:
        """Start the request."""
        super().on_headers_complete()
        self.cycle.transport = JoinedWrites(self.transport, self.loop)  # type: ignore[assignment]  # all that it uses
        self._owed, self._beside_body = Owed.BODY, 0
        chunked = any(name == b"transfer-encoding" for name, _ in self.headers)
        length = next((value for name, value in self.headers if name == b"content-length"), 0)
        self._left = None if chunked else int(length)

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._beside_body = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is there, whole, if late: its answer may be given already."""
        self._owed = Owed.NOTHING
        super().on_message_complete()
        if not self._is_at_work():
            self._await_next()

    def _await_next(self) -> None:
        """Wait for the next request as after an answer; for a first one there is less time."""
        self._owed = Owed.NOTHING
        if self.cycle is not None:
            timer = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)
            self.timeout_keep_alive_task = timer

    def timeout_keep_alive_handler(self) -> None:
        self._close()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        def end(task: asyncio.Task[None]) -> None:
            self.tasks.discard(task)
            if self in self.connections:
                self._follow()

        task = self.loop.create_task(cycle.run_asgi(app))
        task.add_done_callback(end)
        self.tasks.add(task)

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
        if self._is_at_work():
            self.cycle.disconnected = known(self.cycle.scope)["is_refused"] = True
            self.cycle.message_event.set()
        self._refuse(RequestRefused(400, "malformed_http", msg))

    def _follow(self) -> None:
        """Bring the clock, and the list of those without a request, in line with the state of the conversation."""
        at_work = self._is_at_work()
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

    def _is_at_work(self) -> bool:
        """A request is being answered."""
        return self.cycle is not None and not self.cycle.response_complete

    def _is_unread(self) -> bool:
        """The client does not read what it asked for."""
        return self.flow.write_paused or self.transport.is_closing()

    def _is_idle(self) -> bool:
        """Between two requests, for as long as the keep-alive timeout runs."""
        return self._owed is Owed.NOTHING and self.timeout_keep_alive_task is not None

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
            self._refuse(RequestRefused(408, "slow_client", "The request took too long to arrive."))
        else:
            self._close()

    def _give_way(self) -> None:
        if self._is_idle():
            self._close()
        else:
            self._refuse(RequestRefused(503, "too_many_connections", "Too many connections: try again.", headers=RETRY))

    def _refuse(self, refused: RequestRefused) -> None:
        self._limits.record({"client": self.client}, refused)
        speaks_http = self.is_secured or self._limits.tls is None
        if speaks_http and not self._has_answered():
            headers, body = refused.answer()
            fields = [b"%b: %b\r\n" % header for header in (*headers, CLOSE_HEADER)]
            self.transport.write(b"".join([STATUS_LINE[refused.status], *fields, b"\r\n", body]))
        self._close()

    def _has_answered(self) -> bool:
        """The request that the client still sends has a part of its answer."""
        return self._owed is Owed.BODY and self.cycle.response_started

    def _close(self) -> None:
        self.transport.close()
        self._follow()
