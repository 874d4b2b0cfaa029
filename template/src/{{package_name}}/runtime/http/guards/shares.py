# Managed by the template; updates merge into this file.
"""What all callers together hold of something scarce, and how much of it one of them may."""

from dataclasses import dataclass, field
from typing import Self

from ..errors import RequestRefused


@dataclass(slots=True)
class Shares:
    """Counts what is held in this process."""

    what: str
    """Its plural, which names the reasons of refusals too."""
    total: int
    each: int
    retry_seconds: int
    _held: dict[str, int] = field(default_factory=dict)
    _sum: int = 0

    def share_of(self, key: str) -> "Share":
        """What a caller takes inside the block that this opens; it is given back at the end."""
        return Share(self, key)

    def _take(self, key: str, amount: int) -> None:
        held = self._held.get(key, 0) + amount
        if held > self.each:
            raise self._refused(429, f"own_{self.what}")
        if self._sum + amount > self.total:
            raise self._refused(503, f"busy_{self.what}")
        self._sum += amount
        self._held[key] = held

    def _refused(self, status: int, reason: str) -> RequestRefused:
        headers = {"retry-after": str(self.retry_seconds)}
        return RequestRefused(status, reason, f"Too many {self.what} at once: try again.", headers=headers)

    def _give_back(self, key: str, amount: int) -> None:
        self._sum -= amount
        left = self._held.pop(key, 0) - amount
        if left:
            self._held[key] = left


@dataclass(slots=True)
class Share:
    """What one request holds."""

    _shares: Shares
    _key: str
    amount: int = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._shares._give_back(self._key, self.amount)

    def take(self, amount: int) -> None:
        """Hold more.

        Raises:
            RequestRefused: 429, the caller holds too much already; 503, all callers together do.
        """
        self._shares._take(self._key, amount)
        self.amount += amount
