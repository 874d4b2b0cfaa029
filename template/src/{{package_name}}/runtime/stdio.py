# Managed by the template; updates merge into this file.
"""The stdio transport: one local user, nothing but the protocol on standard output."""

from collections.abc import Sequence

import anyio
from limits.aio.storage import MemoryStorage
from mcp.server.subscriptions import InMemorySubscriptionBus

from .principal import LOCAL_USER, acting_as
from .server import PARTS, build_server
from .settings import Settings


def serve_stdio(settings: Settings, parts: Sequence[str] = PARTS) -> None:
    """Serve what the packages in `parts` register, until standard input ends.

    There is no OAuth here: the process has its user's rights. Raises `ConfigurationError` where it must not start.
    """
    server = build_server(settings, InMemorySubscriptionBus(), parts, count_in=MemoryStorage())
    with acting_as(LOCAL_USER):
        anyio.run(server.mcp.run_stdio_async)
