# Managed by the template; updates merge into this file.
"""Connections: how many there are, and how long a client may keep the server waiting for the rest of a message."""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import h11
from uvicorn.protocols.http.flow_control import CLOSE_HEADER
from uvicorn.protocols.http.h11_impl import H11Protocol

from .refused import Refused

RETRY = {"retry-after": "1"}


@dataclass(slots=True)
class ConnectionLimits:
    """What all connections of a server share."""

    max_connections: int
    patience_seconds: float
    record: Callable[[Mapping[str, Any], Refused], None]
    tls: ssl.SSLContext | None = None
    waiting: dict["BoundedConnection", None] = field(default_factory=dict)
    """Connections without a request, the one that has been so the longest first."""


class BoundedConnection(H11Protocol):
    """HTTP/1.1 with a clock that runs while the client owes the rest of a message that no application reads.

    Where there are too many connections, the one that has waited longest without a request gives way, so that
    clients that send nothing cannot keep out those that do.
    """

    def __init__(self, *, limits: ConnectionLimits, **given: Any) -> None:
        super().__init__(**given)
        self._limits = limits
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
        self._follow()

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
        return self.cycle is not None and self.conn.their_state is h11.IDLE and not self._has_begun()

    def _has_begun(self) -> bool:
        """A part of a request's head is there."""
        return bool(self.conn.trailing_data[0])

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
        elif self._has_begun():
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
        if speaks_http and self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            headers, body = refused.answer()
            response = h11.Response(status_code=refused.status, headers=[*headers, CLOSE_HEADER])
            for event in (response, h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self._close()

    def _close(self) -> None:
        self.transport.close()
        self._follow()
