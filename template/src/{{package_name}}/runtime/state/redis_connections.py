# Managed by the template; updates merge into this file.
"""The Redis in which a tool keeps what every replica must find."""

from contextvars import ContextVar

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ReadOnlyError

from ..settings import Settings

TIMEOUT_SECONDS = 2.0
"""For one answer."""
_redis: ContextVar[Redis | None] = ContextVar("redis", default=None)


def connections_to(url: str, *, retries: int = 1, decode_responses: bool = False) -> ConnectionPool:
    """Connections whose answers are waited for in bounds; one that leads to a replica is closed and opened anew."""
    return ConnectionPool.from_url(
        url,
        decode_responses=decode_responses,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), retries),
        retry_on_error=[ReadOnlyError],
    )


def share_redis(settings: Settings) -> None:
    """Let what runs from now on in this process find the Redis of the settings; it connects when it is first used, and texts are `str`."""
    connections = connections_to(settings.redis_url.get_secret_value(), decode_responses=True)
    _redis.set(Redis(connection_pool=connections))


def shared_redis() -> Redis | None:
    """The Redis of the replicas; None over stdio and in a test of tools, where one process is all there is."""
    return _redis.get()
