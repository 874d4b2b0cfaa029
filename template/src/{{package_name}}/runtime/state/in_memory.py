# Managed by the template; updates merge into this file.
"""State of a single replica: limits and subscription events stay in this process."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from mcp.server.subscriptions import InMemorySubscriptionBus, ServerEvent

from ..settings import Settings
from .counters import BoundedStorage


class SharedState:
    """Nothing is shared: a second replica would count and notify by itself, which is why settings refuse one."""

    def __init__(self, _: Settings) -> None:
        self.storage = BoundedStorage()
        self.bus = InMemorySubscriptionBus()

    @asynccontextmanager
    async def run(self, _: Callable[[], Iterable[ServerEvent]]) -> AsyncIterator[None]:
        """Nothing to keep running, and no event that could be missed."""
        yield

    def trouble(self) -> str:
        """Memory has none."""
        return ""
