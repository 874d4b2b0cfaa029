# Managed by the template; updates merge into this file.
"""Histograms of calls: an event costs a few additions, where those of the SDK take each through every reader by itself."""

import time
from bisect import bisect_left
from dataclasses import dataclass
from typing import Any

from opentelemetry.sdk.metrics import export
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from .instruments import BOUNDS, INSTRUMENTS, SCOPE

Labels = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Series:
    """What was seen under the same labels."""

    counts: list[int]
    total: float = 0.0
    low: float = float("inf")
    high: float = float("-inf")


class Distribution:
    """A histogram of that name."""

    def __init__(self, name: str) -> None:
        self._unit = INSTRUMENTS[name][1]
        self._bounds = BOUNDS[self._unit]
        self._series: dict[Labels, Series] = {}
        self._began = time.time_ns()
        _distributions[name] = self

    def record(self, value: float, labels: Labels) -> None:
        """Note a value under labels, of which there must be few."""
        series = self._series.get(labels)
        if series is None:
            series = self._series[labels] = Series([0] * (len(self._bounds) + 1))
        series.counts[bisect_left(self._bounds, value)] += 1
        series.total += value
        series.low, series.high = min(series.low, value), max(series.high, value)

    def metric(self, name: str) -> export.Metric:
        """All that was seen so far, as the SDK has it."""
        now = time.time_ns()
        points = [
            export.HistogramDataPoint(
                attributes=dict(labels),
                start_time_unix_nano=self._began,
                time_unix_nano=now,
                count=sum(counts := series.counts.copy()),
                sum=series.total,
                bucket_counts=counts,
                explicit_bounds=self._bounds,
                min=series.low,
                max=series.high,
            )
            for labels, series in self._series.copy().items()
        ]
        data = export.Histogram(points, export.AggregationTemporality.CUMULATIVE)
        return export.Metric(name, "", self._unit, data)


_distributions: dict[str, Distribution] = {}


class WithDistributions(export.MetricReader):
    """Mixed into a reader, lets it find the distributions beside the metrics of the SDK."""

    def _receive_metrics(self, metrics_data: export.MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> None:
        metrics = [found for name, each in _distributions.items() if (found := each.metric(name)).data.data_points]
        of_ours = export.ScopeMetrics(InstrumentationScope(SCOPE), metrics, "")
        for resource in metrics_data.resource_metrics:
            resource.scope_metrics.append(of_ours)  # type: ignore[attr-defined]  # a list of this collection alone
        super()._receive_metrics(metrics_data, timeout_millis, **kwargs)  # type: ignore[safe-super]  # the reader's
