# Managed by the template; updates merge into this file.
"""The Redis in which a tool keeps what every replica must find."""

from contextvars import ContextVar

from redis.asyncio import Redis

from .settings import Settings

TIMEOUT_SECONDS = 2.0
_redis: ContextVar[Redis | None] = ContextVar("redis", default=None)


def share_redis(settings: Settings) -> None:
    """Let what runs from now on in this process find the Redis of the settings; it connects when it is first used, and texts are `str`."""
    redis = Redis.from_url(
        settings.redis_url.get_secret_value(),
        decode_responses=True,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
    )
    _redis.set(redis)


def shared_redis() -> Redis | None:
    """The Redis of the replicas; None over stdio and in a test of tools, where one process is all there is."""
    return _redis.get()
