# Managed by the template; updates merge into this file.
"""Metrics of your own, bounded by construction: their names, and the values of their labels, stand in your code.

`count("orders.placed")` and `measure("basket.value", 12.5)` need nothing besides. Labels are declared once, in the same
module: `declare("orders.placed", status=("paid", "refused"))` lets `count("orders.placed", status="paid")` through.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from math import isfinite, prod
from pathlib import Path

from opentelemetry.metrics import Counter, Histogram, get_meter

from ..about import NAME
from ..startup import ConfigurationError

NAME_FORM = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")
RESERVED = ("mcp", "process", "otel", "target", "python", "scrape", "up")
MAX_NAME, MAX_METRICS, MAX_SERIES = 60, 100, 100
Labels = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Metric:
    """One that was found: how it is used, and in which module."""

    how: str
    module: str
    instrument: Counter | Histogram


class OwnMetrics:
    """What the code of tools counts and measures."""

    def __init__(self) -> None:
        self._meter = get_meter(NAME)
        self._metrics: dict[str, Metric] = {}
        self._labels: dict[str, Labels] = {}
        self._is_registered = False

    def declare(self, name: str, **labels: Iterable[str]) -> None:
        """Say, while the module is imported, which labels a metric has, and all the values that each can be.

        Raises:
            ConfigurationError: other labels are declared for it already, or there could be too many series.
        """
        known = {label: frozenset(values) for label, values in labels.items()}
        if self._labels.setdefault(name, known) != known:
            raise ConfigurationError(f"The labels of the metric {name!r} are declared twice: declare them once.")
        if prod(map(len, known.values())) > MAX_SERIES:
            raise ConfigurationError(f"The metric {name!r} has more than {MAX_SERIES} series: declare fewer values.")

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add to a counter of your own: `count("orders.placed")`.

        Raises:
            ValueError: the name, a label or a value stands nowhere in your code, or the amount is below 0.
        """
        self._record("count", name, amount, labels)

    def measure(self, name: str, value: float, **labels: str) -> None:
        """Note a value, of which the distribution is kept: `measure("basket.value", 12.5)`.

        Raises:
            ValueError: the name, a label or a value stands nowhere in your code, or the value is no number.
        """
        self._record("measure", name, value, labels)

    def _record(self, how: str, name: str, value: float, labels: Mapping[str, str]) -> None:
        if not self._is_registered:
            return  # There is no server, as in a test that calls a tool's function.
        metric, known = self._metrics.get(name), self._labels.get(name, {})
        if metric is None or metric.how != how:
            raise ValueError(f"No metric of that name is registered: write {how}() with its name as a literal.")
        if labels.keys() != known.keys() or any(labels[label] not in known[label] for label in known):
            raise ValueError(f"The metric {name!r} takes each of its declared labels, with a value that is declared.")
        if not isfinite(value) or (how == "count" and value < 0):
            raise ValueError(f"The metric {name!r} takes a finite number, and a counter none below 0.")
        if isinstance(metric.instrument, Counter):
            metric.instrument.add(value, labels)
        else:
            metric.instrument.record(value, labels)

    def register(self, packages: Iterable[str]) -> None:
        """Find what the modules of packages count and measure, those of the runtime aside.

        Raises:
            ConfigurationError: a name is no literal, has not the form of one, is reserved, or stands for two things.
        """
        for path in sorted(file for package in packages for file in _modules_of(package)):
            for how, name, line in uses_in(path.read_text(encoding="utf-8")):
                self._add(how, name, path.name, f"{path.name} line {line}")
        if lost := self._labels.keys() - self._metrics.keys():
            raise ConfigurationError(f"Labels are declared for what nothing counts: {', '.join(sorted(lost))}.")
        self._is_registered = True

    def _add(self, how: str, name: str | None, module: str, where: str) -> None:
        if name is None:
            raise ConfigurationError(f"{where}: {how}() takes its name as a literal, so that there are only so many.")
        if not NAME_FORM.fullmatch(name) or len(name) > MAX_NAME or name.replace("_", ".").split(".")[0] in RESERVED:
            form = f"letters, digits, dots and underscores, at most {MAX_NAME}, beginning with none of {', '.join(RESERVED)}"
            raise ConfigurationError(f"{where}: {name!r} is no name for a metric of yours: use lower-case {form}.")
        same = [other for other in self._metrics if _exported(other) == _exported(name)]
        if same and (same != [name] or (self._metrics[name].how, self._metrics[name].module) != (how, module)):
            known = self._metrics[same[0]]
            raise ConfigurationError(
                f"{where}: the metric {name!r} is registered already, by {known.how}() in {known.module}: choose another name."
            )
        if not same:
            if len(self._metrics) >= MAX_METRICS:
                raise ConfigurationError(f"{where}: there are more than {MAX_METRICS} metrics of yours: have fewer.")
            create = self._meter.create_counter if how == "count" else self._meter.create_histogram
            self._metrics[name] = Metric(how, module, create(name))


def uses_in(source: str) -> Iterator[tuple[str, str | None, int]]:
    """Each call of `count` or `measure` that a module imports of `authoring`: which, its literal name or None, its line."""
    if not re.search(r"\b(count|measure)\b", source):
        return
    tree = ast.parse(source)
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    of_ours = [alias for node in imports if (node.module or "").endswith("authoring") for alias in node.names]
    named = {alias.asname or alias.name: alias.name for alias in of_ours if alias.name in ("count", "measure")}
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=called), args=[ast.Constant(value=str(name)), *_]) if called in named:
                yield named[called], name, node.lineno
            case ast.Call(func=ast.Name(id=called)) if called in named:
                yield named[called], None, node.lineno


def _modules_of(package: str) -> Iterator[Path]:
    spec = find_spec(package)
    for folder in map(Path, (spec and spec.submodule_search_locations) or ()):
        yield from (file for file in folder.rglob("*.py") if "runtime" not in file.relative_to(folder).parts)


def _exported(name: str) -> str:
    return name.replace(".", "_").removesuffix("_total")


OWN_METRICS = OwnMetrics()
count, declare, measure = OWN_METRICS.count, OWN_METRICS.declare, OWN_METRICS.measure
