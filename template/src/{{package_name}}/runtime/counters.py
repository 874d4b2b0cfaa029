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

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        count, expires_at = self._find(key) or (0, time.time() + expiry)
        self._counts[key] = (max(0, count + amount), expires_at)
        self._counts.move_to_end(key)
        self._make_room()
        return max(0, count + amount)

    async def acquire_sliding_window_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count what is within the limit, as the library does; nothing else runs meanwhile, so there is no race to undo."""
        now = time.time()
        previous_key, current_key = self.sliding_window_keys(key, expiry, now)
        previous, current = self._find(previous_key), self._find(current_key)
        weighted = (previous[0] * (1 - now / expiry % 1) if previous else 0) + (current[0] if current else 0)
        if floor(weighted) + amount > limit:
            return False
        await self.incr(current_key, 2 * expiry, amount)
        return True

    async def decr(self, key: str, amount: int = 1) -> int:
        return await self.incr(key, 0, -amount)

    async def get(self, key: str) -> int:
        return (self._find(key) or (0, 0))[0]

    async def get_expiry(self, key: str) -> float:
        return (self._find(key) or (0, time.time()))[1]

    async def clear(self, key: str) -> None:
        self._counts.pop(key, None)

    async def reset(self) -> int:
        counted = len(self._counts)
        self._counts.clear()
        return counted

    def _find(self, key: str) -> tuple[int, float] | None:
        found = self._counts.get(key)
        return found if found and found[1] > time.time() else None

    def _make_room(self) -> None:
        now = time.time()
        while self._counts and (len(self._counts) > self._max_keys or next(iter(self._counts.values()))[1] <= now):
            self._counts.popitem(last=False)
