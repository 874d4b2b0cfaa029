# Managed by the template; updates merge into this file.
"""Subscription events between replicas, by publish and subscribe of Redis.

An event is a hint to read again. Redis keeps none for a connection that was lost, so whoever may have missed one is
told that everything may have changed.
"""

import json
import logging
from collections.abc import Callable, Iterable
from typing import Any

import anyio
from mcp.server import subscriptions as sdk
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from ..about import NAME

logger = logging.getLogger(__name__)

Everything = Callable[[], Iterable[sdk.ServerEvent]]
CHANNEL = f"{NAME}:events"
TIMEOUT_SECONDS = 2.0
PAUSE_SECONDS = 1.0
MAX_UNHEARD = 3
"""A channel that brings none of so many signs of life is dead, whatever its connection looks like."""
EVENTS: dict[str, type[sdk.ServerEvent]] = {
    kind.__name__: kind
    for kind in (sdk.ToolsListChanged, sdk.PromptsListChanged, sdk.ResourcesListChanged, sdk.ResourceUpdated)
}
BEAT, MISSED = "Beat", "Missed"
"""What is published besides: a sign of life, and that an event could not be."""


class RedisBus:
    """A subscription bus over Redis; every replica, the publisher too, hears an event from there."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._local = sdk.InMemorySubscriptionBus()
        self.is_heard = False
        """Whether events of other replicas arrive, as far as can be told."""
        self._unheard = 0
        """Signs of life that this replica gave, and did not hear yet."""
        self._missed = 0
        """Events that could not be published."""

    def subscribe(self, listener: Callable[[sdk.ServerEvent], None]) -> Callable[[], None]:
        """Register a listener of this replica and return what removes it."""
        return self._local.subscribe(listener)

    async def publish(self, event: sdk.ServerEvent) -> None:
        """Tell every replica; where that fails, all are told to read again once it can be."""
        try:
            await _publish(self._redis, type(event).__name__, fields_of(event))
        except (RedisError, OSError) as error:
            self._missed += 1
            logger.warning("an event was not published, and subscribers are told to read again later: %s", error)

    async def beat(self, redis: Redis) -> None:
        """Let every replica hear that its channel works, over a connection that does."""
        missed = self._missed
        await _publish(redis, MISSED if missed else BEAT, {})
        self._missed -= missed
        self._unheard += 1

    async def receive(self, everything: Everything) -> None:
        """Pass events from Redis on to this replica's listeners, and connect again whenever that ends."""
        while True:
            try:
                async with self._redis.pubsub() as channel:
                    await channel.subscribe(CHANNEL)
                    await self._pass_on(channel, everything)
            except (RedisError, OSError) as error:
                if self.is_heard:
                    logger.warning("the channel of events is lost, and opened anew: %s", error)
                self.is_heard = False
            await anyio.sleep(PAUSE_SECONDS)

    async def _pass_on(self, channel: PubSub, everything: Everything) -> None:
        self._unheard = 0
        while self._unheard < MAX_UNHEARD:
            message = await channel.get_message(timeout=PAUSE_SECONDS)
            if message is None:
                continue
            self.is_heard, self._unheard = True, 0
            for event in _read_events(message, everything):
                await self._local.publish(event)
        raise ConnectionError("it is silent")


async def _publish(redis: Redis, kind: str, fields: dict[str, str]) -> None:
    """Publish beside a write: a replica takes what is published too, and nobody hears it there."""
    with anyio.fail_after(TIMEOUT_SECONDS):
        async with redis.pipeline(transaction=True) as transaction:
            transaction.set(f"{CHANNEL}:last", kind, ex=60)
            transaction.publish(CHANNEL, json.dumps([kind, fields]))
            await transaction.execute()


def _read_events(message: dict[str, Any], everything: Everything) -> Iterable[sdk.ServerEvent]:
    """What listeners are told; after each subscription, the library's own among them, all that they listen to."""
    if message["type"] != "message":
        return everything()
    try:
        kind, fields = json.loads(message["data"])
        if kind in (BEAT, MISSED):
            return everything() if kind == MISSED else ()
        return (EVENTS[kind](**fields),)
    except (ValueError, TypeError, KeyError) as error:
        logger.warning("a malformed event was dropped: %s", type(error).__name__)
        return ()


def fields_of(event: sdk.ServerEvent) -> dict[str, str]:
    """The fields of an event: a resource's URI, or nothing."""
    return {"uri": event.uri} if isinstance(event, sdk.ResourceUpdated) else {}
