# Managed by the template; updates merge into this file.
"""State that replicas share over Redis (or Valkey): limits and subscription events.

Whatever keeps a call from being counted refuses it (503), and makes the replica unready with the cause.
"""

import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
from limits.aio.storage import RedisStorage
from mcp.server.subscriptions import ServerEvent
from redis import exceptions as errors
from redis.asyncio import ConnectionPool, Redis

from ..about import NAME
from ..settings import Settings
from .redis_connections import TIMEOUT_SECONDS, connections_to
from .redis_events import RedisBus

logger = logging.getLogger(__name__)

CHECK_SECONDS = 2.0
PROBE_SECONDS = 10.0
SLOW_SECONDS = 1.0
"""For a probe, which asks for several."""
PROBES = [f"{NAME}:probe:{number}" for number in range(16)]
"""In a cluster, no single node answers for all of them."""
TROUBLES: dict[type[Exception] | tuple[type[Exception], ...], tuple[str, str]] = {
    errors.OutOfMemoryError: ("full", "it is full"),
    (errors.ReadOnlyError, errors.MasterDownError): ("replica", "it is a replica; MCP_REDIS_URL must name a primary"),
    (errors.AskError, errors.ClusterError): ("cluster", "it is a cluster's node; MCP_REDIS_URL must lead to all keys"),
    errors.AuthenticationError: ("access", "it does not take the user or the password of MCP_REDIS_URL"),
    errors.NoPermissionError: ("access", "its user may not do what the server does"),
    errors.BusyLoadingError: ("loading", "it still loads its data"),
    (errors.TimeoutError, TimeoutError): ("timeout", f"it did not answer within {TIMEOUT_SECONDS:g} seconds"),
    (errors.ConnectionError, OSError): ("unreachable", "there is no connection to it"),
}
"""The word that readiness gives and the sentence of the log; the first that fits counts."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What keeps calls from being counted; without a word, nothing does."""

    word: str = ""
    sentence: str = ""


class SharedState:
    """Limits that every replica counts together, and events that reach every replica's subscribers."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.redis_url.get_secret_value()
        self._pool = connections_to(self._url)
        self.storage = self._storage_over(self._pool)
        self.bus = RedisBus(Redis(connection_pool=self._pool))
        self._trouble = Trouble("not asked yet")
        self._is_slow = False

    @asynccontextmanager
    async def run(self, everything: Callable[[], Iterable[ServerEvent]]) -> AsyncIterator[None]:
        """Watch Redis and receive other replicas' events; `everything` is what streams are told when some were missed."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.bus.receive, everything)
            tasks.start_soon(self._watch)
            yield
            tasks.cancel_scope.cancel()
        await self._pool.aclose()

    def trouble(self) -> str:
        """A word for what kept the last probe from writing; empty if nothing did."""
        return self._trouble.word

    async def _watch(self) -> None:
        while True:
            trouble = await self._look()
            if trouble.word != self._trouble.word:
                await self._tell(trouble)
            self._trouble = trouble
            await anyio.sleep(CHECK_SECONDS)

    async def _look(self) -> Trouble:
        started = anyio.current_time()
        try:
            with anyio.fail_after(PROBE_SECONDS):
                await self._probe()
        except (errors.RedisError, OSError) as error:
            return find_trouble(error)
        seconds = anyio.current_time() - started
        if seconds > SLOW_SECONDS and not self._is_slow:
            logger.warning("Redis is slow: a probe took %.1f seconds, and every call waits too.", seconds)
        self._is_slow = seconds > SLOW_SECONDS
        return Trouble()

    async def _probe(self) -> None:
        """Do what a call does, over a new connection, as old ones outlive a new password and a failover."""
        pool = connections_to(self._url, retries=0)
        try:
            await self._storage_over(pool).acquire_sliding_window_entry("probe", limit=1_000_000, expiry=60)
            async with Redis(connection_pool=pool).pipeline(transaction=False) as pipeline:
                for key in PROBES:
                    pipeline.set(key, 1, ex=60)
                await pipeline.execute()
            await self.bus.beat(Redis(connection_pool=pool))
        finally:
            with anyio.CancelScope(shield=True):
                await pool.disconnect()

    async def _tell(self, trouble: Trouble) -> None:
        if trouble.word:
            logger.warning("Redis cannot be used, so calls are refused: %s", trouble.sentence)
        elif self._trouble.sentence:
            logger.warning("Redis can be used again.")
            await self._pool.disconnect(inuse_connections=False)

    def _storage_over(self, pool: ConnectionPool) -> RedisStorage:
        return RedisStorage(
            f"async+{self._url}",
            wrap_exceptions=pool is self._pool,
            key_prefix=NAME,
            implementation="redispy",
            connection_pool=pool,  # type: ignore[arg-type]  # its annotation forgets what its documentation names
        )


def find_trouble(error: Exception) -> Trouble:
    """What an error of Redis says, in a word and a sentence without secrets."""
    said = f"{type(error).__name__}: {error}".partition("\n")[0]
    for kinds, (word, sentence) in TROUBLES.items():
        if isinstance(error, kinds):
            return Trouble(word, f"{sentence} ({said})")
    return Trouble("error", said)
