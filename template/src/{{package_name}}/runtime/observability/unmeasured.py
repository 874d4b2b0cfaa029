# Managed by the template; updates merge into this file.
"""Metrics of your own where telemetry is none: they stand in your code for the day that it is not, and cost nothing."""


def count(name: str, amount: float = 1, **labels: object) -> None:
    """Take what `count`, `measure` and `declare` are given, and leave it at that."""


declare = measure = count
