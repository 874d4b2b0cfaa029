"""Counts in memory beside those of the library's own storage."""

import time

import pytest
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from notes_server.runtime.state.counters import BoundedStorage
from runtime.test_counters import counted

pytestmark = pytest.mark.anyio
FIVE_TIMES = RateLimitItemPerMinute(5)


async def test_a_count_ends_with_its_window(monkeypatch: pytest.MonkeyPatch) -> None:
    storage = BoundedStorage()
    assert await counted(storage, "alice", "alice", "alice") == [True, True, False]
    later = time.time() + 121
    monkeypatch.setattr(time, "time", lambda: later)
    assert await counted(storage, "alice") == [True]


async def test_calls_are_counted_as_by_the_librarys_own_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = (SlidingWindowCounterRateLimiter(storage) for storage in (BoundedStorage(), MemoryStorage()))

    async def decide(second: int) -> tuple[bool, bool]:
        monkeypatch.setattr(time, "time", lambda: 1_000_000_000 + second)
        decisions = await ours.hit(FIVE_TIMES, "alice"), await theirs.hit(FIVE_TIMES, "alice")
        left = await theirs.get_window_stats(FIVE_TIMES, "alice")
        assert await ours.get_window_stats(FIVE_TIMES, "alice") == pytest.approx(left)
        return decisions

    decisions = {await decide(second) for second in (*range(0, 600, 7), 900, 910, 1_100)}
    assert decisions == {(True, True), (False, False)}
