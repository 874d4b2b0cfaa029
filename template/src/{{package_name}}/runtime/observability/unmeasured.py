# Managed by the template; updates merge into this file.
"""Metrics of your own where telemetry is none: what your code says of them costs nothing, and is ready for the day that it is not."""

from collections.abc import Iterable


def declare(name: str, **labels: Iterable[str]) -> None:
    """Say which labels a metric has, and all the values that each can be."""


def count(name: str, amount: float = 1, **labels: str) -> None:
    """Add to a counter."""


def measure(name: str, value: float, **labels: str) -> None:
    """Note a value."""
