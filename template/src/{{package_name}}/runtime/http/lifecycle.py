# Managed by the template; updates merge into this file.
"""Start, drain and stop of the HTTP server."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Any

import uvicorn
from mcp.server.subscriptions import ListenHandler
from sse_starlette.sse import AppStatus
from starlette.types import ASGIApp

from ..settings import Settings
from .connections import ConnectionLimits
from .errors import RequestRefused
from .health import Readiness
from .tls import accept, load_certificate


@dataclass(frozen=True, slots=True)
class Application:
    """What is served, and what its server has to tell or to end."""

    asgi: ASGIApp
    readiness: Readiness
    listen: ListenHandler
    record: Callable[[Mapping[str, Any], RequestRefused], None]
    """Leaves the event of a refusal before there is an ASGI scope; takes what is known instead of one."""
    end: Callable[[], Awaitable[None]]
    """Answers every request that has no whole answer yet, and cancels it."""


logger = logging.getLogger(__name__)

LAST_SECONDS = 3
"""After the grace time, for what cancels late and for the end of the application."""


class DrainingServer(uvicorn.Server):
    """On a signal, first stops being ready and ends subscriptions with their final frame; calls in flight finish."""

    def __init__(self, config: uvicorn.Config, application: Application) -> None:
        super().__init__(config)
        self._application = application

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Drain on the first signal, give up on the second; the base class would end with the signal, not with 0."""
        self._application.readiness.draining = True
        self.force_exit = self.should_exit
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Wait for calls in flight until the grace time is over, then answer those that remain, and wait for none."""
        # Not where the signal is handled: there a stream may be between looking for events and waiting for them.
        self._application.listen.close()
        grace = self.config.timeout_graceful_shutdown or 0
        ending = asyncio.create_task(self._end_after(grace))
        try:
            async with asyncio.timeout(grace + LAST_SECONDS):
                await super().shutdown(sockets)
        except TimeoutError:
            logger.error("A call goes on although it was cancelled; the server ends without it.")
        finally:
            ending.cancel()

    async def _end_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._application.end()


def run_server(application: Application, settings: Settings) -> None:
    """Serve until a signal; calls in flight have `MCP_SHUTDOWN_GRACE_SECONDS`."""
    AppStatus.enable_automatic_graceful_drain = False  # It would cut each event stream at the signal.
    limits = ConnectionLimits(
        settings.max_connections, settings.client_timeout_seconds, application.record, load_certificate(settings)
    )
    config = uvicorn.Config(
        application.asgi,
        http=partial(accept, limits),  # type: ignore[arg-type]  # only ever called
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="on",
        ws="none",
        timeout_keep_alive=75,  # longer than the load balancers before it keep a connection
        timeout_graceful_shutdown=settings.shutdown_grace_seconds,
    )
    server = DrainingServer(config, application)
    server.run()
    if not server.started:
        raise SystemExit(1)
