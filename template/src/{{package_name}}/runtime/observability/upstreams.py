# Managed by the template; updates merge into this file.
"""How calls to other services go, by their host, which is one of the settings'."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from ..egress import EgressPausedError, EgressRefusedError
from .distributions import Distribution
from .instruments import Tally, observe_each

_duration = Distribution("mcp.server.upstream.duration")
_retries = Tally("mcp.server.upstream.retries", "server.address")


def observe_pauses(hosts: Iterable[str], is_paused: Callable[[str], bool]) -> None:
    """Tell which hosts are left alone, and let what counts for each begin at 0."""
    for host in hosts:
        _retries.add(host, amount=0)
    observe_each("mcp.server.upstream.paused", "server.address", lambda: {host: is_paused(host) for host in hosts})


@contextmanager
def observe_attempt(host: str, number: int) -> Iterator[None]:
    """Time an attempt, the first or a later one, and note what became of it."""
    if number > 1:
        _retries.add(host)
    started = time.perf_counter()
    outcome = "failed"
    try:
        yield
        outcome = "ok"
    except (EgressPausedError, EgressRefusedError) as error:
        outcome = "paused" if isinstance(error, EgressPausedError) else "refused"
        raise
    finally:
        _duration.record(time.perf_counter() - started, (("server.address", host), ("outcome", outcome)))
