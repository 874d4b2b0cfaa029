# Managed by the template; updates merge into this file.
"""The port where Prometheus asks for metrics: few connections at once, and none that is slow."""

import socket
import threading
from functools import partial

import uvicorn
from prometheus_client import GC_COLLECTOR, PLATFORM_COLLECTOR, PROCESS_COLLECTOR, REGISTRY, make_asgi_app

from ..http.connections import BoundedConnection, ConnectionLimits
from ..settings import Settings
from ..startup import ConfigurationError

UNUSED = (GC_COLLECTOR, PLATFORM_COLLECTOR, PROCESS_COLLECTOR)
"""What the library would tell of the process besides."""
MAX_CONNECTIONS, PATIENCE_SECONDS = 16, 5


def serve_metrics(settings: Settings) -> None:
    """Answer from a thread of its own, so that a busy server can be measured too.

    Raises:
        ConfigurationError: the port cannot be had.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        place = socket.create_server((settings.host, settings.metrics_port), family=family)
    except OSError as error:
        raise ConfigurationError(f"MCP_METRICS_PORT cannot be used: {error}") from error
    for collector in UNUSED:
        REGISTRY.unregister(collector)
    # What is refused here is no request of the protocol, and leaves no event.
    limits = ConnectionLimits(MAX_CONNECTIONS, PATIENCE_SECONDS, record=lambda *_: None)
    config = uvicorn.Config(
        make_asgi_app(),
        http=partial(BoundedConnection, limits=limits),  # type: ignore[arg-type]  # only ever called
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        ws="none",
    )
    threading.Thread(target=uvicorn.Server(config).run, kwargs={"sockets": [place]}, daemon=True).start()
