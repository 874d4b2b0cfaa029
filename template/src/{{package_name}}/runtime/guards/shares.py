# Managed by the template; updates merge into this file.
"""What all callers together hold of something scarce, and how much of it one of them may."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ..refused import Refused


@dataclass(slots=True)
class Shares:
    """Counts what is held in this process."""

    what: str
    """Its plural, which names the reasons of refusals too."""
    total: int
    each: int
    retry_seconds: int
    _held: Counter[str] = field(default_factory=Counter)
    _sum: int = 0

    @contextmanager
    def share_of(self, key: str) -> Iterator["Share"]:
        """What a caller takes inside the block; it is given back at the end."""
        share = Share(self, key)
        try:
            yield share
        finally:
            self._add(key, -share.amount)

    def _take(self, key: str, amount: int) -> None:
        if self._held[key] + amount > self.each:
            raise self._refused(429, f"own_{self.what}")
        if self._sum + amount > self.total:
            raise self._refused(503, f"busy_{self.what}")
        self._add(key, amount)

    def _refused(self, status: int, reason: str) -> Refused:
        headers = {"retry-after": str(self.retry_seconds)}
        return Refused(status, reason, f"Too many {self.what} at once: try again.", headers=headers)

    def _add(self, key: str, amount: int) -> None:
        self._sum += amount
        self._held[key] += amount
        if not self._held[key]:
            del self._held[key]


@dataclass(slots=True)
class Share:
    """What one request holds."""

    _shares: Shares
    _key: str
    amount: int = 0

    def take(self, amount: int) -> None:
        """Hold more.

        Raises:
            Refused: 429, the caller holds too much already; 503, all callers together do.
        """
        self._shares._take(self._key, amount)
        self.amount += amount
