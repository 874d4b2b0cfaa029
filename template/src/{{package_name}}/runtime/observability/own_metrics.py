# Managed by the template; updates merge into this file.
"""Metrics of your own, bounded by construction: their names, and the values of their labels, stand in your code.

`count("orders.placed")` and `measure("basket.value", 12.5)` need nothing besides. Labels are declared in the same module:
`declare("orders.placed", status=("paid", "refused"))` lets `count("orders.placed", status="paid")` through.
"""

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.util import find_spec
from math import isfinite, prod
from pathlib import Path

from opentelemetry.metrics import get_meter

from ..about import NAME
from ..startup import ConfigurationError

NAME_FORM = re.compile(r"(?!(mcp|otel|process|python|scrape|target|up)[._])[a-z][a-z0-9_.]{0,59}(?<![._])")
MAX_SERIES = 100


class OwnMetrics:
    """What the code of tools counts and measures."""

    def __init__(self) -> None:
        self._meter = get_meter(NAME)
        self._owners: dict[str, tuple[str, str, str]] = {}
        """By the name that is exported: the function, the name and the module."""
        self._notes: dict[tuple[str, str], Callable[[float, Mapping[str, str]], None]] = {}
        self._labels: dict[str, Mapping[str, frozenset[str]]] = {}
        self._is_registered = False

    def declare(self, name: str, **labels: Iterable[str]) -> None:
        """Say, once, which labels a metric has, and all the values that each can be.

        Raises `ConfigurationError` where others are declared already, or make too many series.
        """
        known = {label: frozenset(values) for label, values in labels.items()}
        if self._labels.setdefault(name, known) != known or prod(map(len, known.values())) > MAX_SERIES:
            raise ConfigurationError(f"Declare the labels of {name!r} once, for at most {MAX_SERIES} series.")

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add to a counter: `count("orders.placed")`; raises `ValueError` for what your code does not declare."""
        self._note("count", name, amount, labels)

    def measure(self, name: str, value: float, **labels: str) -> None:
        """Note a value, of which the distribution is kept; raises `ValueError` for what your code does not declare."""
        self._note("measure", name, value, labels)

    def _note(self, how: str, name: str, value: float, labels: Mapping[str, str]) -> None:
        if not self._is_registered:
            return  # There is no server, as in a test that calls a tool's function.
        known = self._labels.get(name, {})
        if (how, name) not in self._notes:
            raise ValueError(f"No metric of that name is registered: write {how}() with its name as a literal.")
        if labels.keys() != known.keys() or any(labels[label] not in known[label] for label in known):
            raise ValueError(f"The metric {name!r} takes each of its declared labels, with a value that is declared.")
        if not isfinite(value) or (how == "count" and value < 0):
            raise ValueError(f"The metric {name!r} takes a finite number, and a counter none below 0.")
        self._notes[how, name](value, labels)

    def register(self, packages: Iterable[str]) -> None:
        """Find what the modules of packages count and measure, those of the runtime aside.

        Raises `ConfigurationError` where a name is no literal, has not the form of one, or stands for two things.
        """
        for path in sorted(file for package in packages for file in _modules_of(package)):
            for how, name, line in _uses_in(path.read_text(encoding="utf-8")):
                self._add(how, name, path.name, f"{path.name} line {line}")
        if lost := self._labels.keys() - {name for _, name in self._notes}:
            raise ConfigurationError(f"Labels are declared for what nothing counts: {', '.join(sorted(lost))}.")
        self._is_registered = True

    def _add(self, how: str, name: str | None, module: str, where: str) -> None:
        if name is None:
            raise ConfigurationError(f"{where}: {how}() takes its name as a literal, so that there are only so many.")
        if not NAME_FORM.fullmatch(name):
            form = "at most 60 lower-case letters, digits, dots, underscores; not mcp, otel or process first"
            raise ConfigurationError(f"{where}: {name!r} is no name for a metric of yours: use {form}.")
        owner = how, name, module
        first = self._owners.setdefault(name.replace(".", "_").removesuffix("_total"), owner)
        if first != owner:
            told = f"{first[1]!r} is registered already, by {first[0]}() in {first[2]}"
            raise ConfigurationError(f"{where}: {name!r} cannot be a metric, as {told}: choose another name.")
        if (how, name) not in self._notes:
            counts = how == "count"
            note = self._meter.create_counter(name).add if counts else self._meter.create_histogram(name).record
            self._notes[how, name] = note


def _uses_in(source: str) -> Iterator[tuple[str, str | None, int]]:
    """Each call of what a module imports of `authoring`: `count` or `measure`, its name if that is a literal, its line."""
    if not re.search(r"\b(count|measure)\b", source):
        return
    nodes = list(ast.walk(ast.parse(source)))
    ours = [node for node in nodes if isinstance(node, ast.ImportFrom) and (node.module or "").endswith("authoring")]
    named = {alias.asname or alias.name: alias.name for node in ours for alias in node.names}
    for node in nodes:
        match node:
            case ast.Call(func=ast.Name(id=called)) if (how := named.get(called)) in ("count", "measure"):
                names = [each.value for each in node.args[:1] if isinstance(each, ast.Constant)]
                yield how, next((name for name in names if isinstance(name, str)), None), node.lineno


def _modules_of(package: str) -> Iterator[Path]:
    spec = find_spec(package)
    for folder in map(Path, (spec and spec.submodule_search_locations) or ()):
        yield from (file for file in folder.rglob("*.py") if "runtime" not in file.relative_to(folder).parts)


OWN_METRICS = OwnMetrics()
count, declare, measure = OWN_METRICS.count, OWN_METRICS.declare, OWN_METRICS.measure
