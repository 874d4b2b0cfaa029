# Managed by the template; updates merge into this file.
"""State that replicas share over Redis (or Valkey): limits and subscription events."""

import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
from limits.aio.storage import RedisStorage
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    PromptsListChanged,
    ResourcesListChanged,
    ResourceUpdated,
    ServerEvent,
    ToolsListChanged,
)
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from .about import NAME
from .settings import Settings

logger = logging.getLogger(__name__)

CHANNEL = f"{NAME}:events"
CHECK_SECONDS = 2.0
TIMEOUT_SECONDS = 2.0
EVENTS: dict[str, type[ServerEvent]] = {
    kind.__name__: kind for kind in (ToolsListChanged, PromptsListChanged, ResourcesListChanged, ResourceUpdated)
}


class SharedState:
    """Limits that every replica counts together, and events that reach every replica's subscribers."""

    def __init__(self, settings: Settings) -> None:
        url = settings.redis_url.get_secret_value()
        self._redis = Redis.from_url(url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS)
        self.storage = RedisStorage(
            f"async+{url}",
            wrap_exceptions=True,
            key_prefix=NAME,
            implementation="redispy",
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
        )
        self.bus = RedisBus(self._redis)
        self._reachable: bool | None = None

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Receive other replicas' events and watch the connection while the block runs."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.bus.receive)
            tasks.start_soon(self._watch)
            yield
            tasks.cancel_scope.cancel()
        await self._redis.aclose()

    def is_reachable(self) -> bool:
        """Whether Redis answered lately."""
        return bool(self._reachable)

    async def _watch(self) -> None:
        while True:
            try:
                await self._redis.ping()
                self._reachable = True
            except (RedisError, OSError) as error:
                if self._reachable is not False:
                    logger.warning("Redis does not answer: %s", error)
                self._reachable = False
            await anyio.sleep(CHECK_SECONDS)


class RedisBus:
    """A subscription bus over publish and subscribe; every replica, the publisher too, hears an event from Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._local = InMemorySubscriptionBus()

    def subscribe(self, listener: Callable[[ServerEvent], None]) -> Callable[[], None]:
        """Register a listener of this replica and return what removes it."""
        return self._local.subscribe(listener)

    async def publish(self, event: ServerEvent) -> None:
        """Tell every replica; an event is a hint to read again, so one that is lost is only logged."""
        try:
            await self._redis.publish(CHANNEL, json.dumps([type(event).__name__, fields_of(event)]))
        except (RedisError, OSError) as error:
            logger.warning("an event was not published: %s", error)

    async def receive(self) -> None:
        """Pass events from Redis on to this replica's listeners, and connect again whenever that ends."""
        while True:
            try:
                async with self._redis.pubsub(ignore_subscribe_messages=True) as channel:
                    await channel.subscribe(CHANNEL)
                    await self._pass_on(channel)
            except (RedisError, OSError) as error:
                logger.debug("event channel lost: %s", error)
            await anyio.sleep(CHECK_SECONDS)

    async def _pass_on(self, channel: PubSub) -> None:
        while True:
            message = await channel.get_message(timeout=CHECK_SECONDS)
            if message is not None and (event := _read_event(message["data"])) is not None:
                await self._local.publish(event)


def _read_event(data: bytes) -> ServerEvent | None:
    try:
        kind, fields = json.loads(data)
        return EVENTS[kind](**fields)
    except (ValueError, TypeError, KeyError) as error:
        logger.warning("a malformed event was dropped: %s", type(error).__name__)
        return None


def fields_of(event: ServerEvent) -> dict[str, str]:
    """The fields of an event: a resource's URI, or nothing."""
    return {"uri": event.uri} if isinstance(event, ResourceUpdated) else {}
