# Managed by the template; updates merge into this file.
"""Counts of calls in this process: what one costs does not grow with the number of callers."""

import time
from collections import OrderedDict
from math import floor

from limits.aio.storage import MemoryStorage

MAX_KEYS = 50_000
"""About 15 MB."""


class BoundedStorage(MemoryStorage):
    """The library's storage with other insides: its own looks at every key on every call.

    The key that was counted longest ago makes room for a new one. Its caller gets at most one limit more, which is
    what the many callers that it takes to push a key out have anyway.
    """

    def __init__(self, max_keys: int = MAX_KEYS) -> None:
        super().__init__()
        self._max_keys = max_keys
        self._counts: OrderedDict[str, tuple[int, float]] = OrderedDict()
        """By key: the count, and when it ends."""
        self._windows: OrderedDict[str, tuple[int, int, int]] = OrderedDict()
        """By key: the number of the window of the last call, and the counts in the window before it and in it."""

    async def acquire_sliding_window_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count what is within the limit, as the library does; nothing else runs meanwhile, so there is no race to undo."""
        window, passed = _window_at(time.time(), expiry)
        before, current = self._counts_in(window, key)
        if floor(before * (1 - passed) + current) + amount > limit:
            return False
        self._windows[key] = (window, before, current + amount)
        self._windows.move_to_end(key)
        while len(self._windows) > self._max_keys or next(iter(self._windows.values()))[0] < window - 1:
            self._windows.popitem(last=False)
        return True

    async def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        window, passed = _window_at(time.time(), expiry)
        before, current = self._counts_in(window, key)
        return before, (1 - passed) * expiry if before else 0.0, current, (2 - passed) * expiry

    async def clear_sliding_window(self, key: str, expiry: int) -> None:
        self._windows.pop(key, None)

    def _counts_in(self, window: int, key: str) -> tuple[int, int]:
        """The counts in the window before it, and in it."""
        last, before, current = self._windows.get(key, (window, 0, 0))
        if last == window:
            return before, current
        return (current, 0) if last == window - 1 else (0, 0)

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        count, expires_at = self._find(key) or (0, time.time() + expiry)
        self._counts[key] = (max(0, count + amount), expires_at)
        self._counts.move_to_end(key)
        self._make_room()
        return max(0, count + amount)

    async def decr(self, key: str, amount: int = 1) -> int:
        return await self.incr(key, 0, -amount)

    async def get(self, key: str) -> int:
        return (self._find(key) or (0, 0))[0]

    async def get_expiry(self, key: str) -> float:
        return (self._find(key) or (0, time.time()))[1]

    async def clear(self, key: str) -> None:
        self._counts.pop(key, None)

    async def reset(self) -> int:
        counted = len(self._counts) + len(self._windows)
        self._counts.clear()
        self._windows.clear()
        return counted

    def _find(self, key: str) -> tuple[int, float] | None:
        found = self._counts.get(key)
        return found if found and found[1] > time.time() else None

    def _make_room(self) -> None:
        now = time.time()
        while self._counts and (len(self._counts) > self._max_keys or next(iter(self._counts.values()))[1] <= now):
            self._counts.popitem(last=False)


def _window_at(now: float, expiry: int) -> tuple[int, float]:
    """The number of the window that a moment is in, and which part of it has passed."""
    return int(now // expiry), now / expiry % 1
