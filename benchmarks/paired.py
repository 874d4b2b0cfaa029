"""Contenders that run in turns, so that whatever else the machine does falls on all, and the verdict on them."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version


@dataclass(frozen=True)
class Goal:
    """A figure that was measured, and the most that it may be."""

    name: str
    value: float
    at_most: float

    @property
    def met(self) -> bool:
        """Whether it is."""
        return self.value <= self.at_most


@dataclass(frozen=True)
class Contender:
    """A command, and what must be done before each of its runs."""

    name: str
    command: Sequence[str]
    prepare: Callable[[], None] = lambda: None

    def seconds(self) -> float:
        """Run once and return the CPU time that it and its children took, which a busy machine hardly changes."""
        self.prepare()
        begin = _children_seconds()
        subprocess.run(
            self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=_environment(), check=True
        )
        return _children_seconds() - begin


def compare(ours: Contender, theirs: Contender, *, goal: float, rounds: int) -> None:
    """Run both `rounds` times in turns, after one run each that does not count, and conclude."""
    for contender in (ours, theirs):
        contender.seconds()
    pairs = [(ours.seconds(), theirs.seconds()) for _ in range(rounds)]
    mine, others = map(list, zip(*pairs, strict=True))
    medians = {ours.name: statistics.median(mine), theirs.name: statistics.median(others)}
    for name, median in medians.items():
        print(f"  {name:<40} {median:6.3f} s of CPU")
    conclude(
        [Goal("ratio, median of the pairs", ratio_of_pairs(mine, others), goal)],
        {"medians": medians},
        conditions(pairs=rounds, copier=version("copier"), typer=version("typer")),
    )


def _children_seconds() -> float:
    used = os.times()
    return used.children_user + used.children_system


def _environment() -> dict[str, str]:
    """Of a usual machine, which keeps the bytecode that the first run compiled."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def ratio_of_pairs(mine: Sequence[float], others: Sequence[float]) -> float:
    """The median of the ratios of what was measured in the same turn."""
    return statistics.median(one / other for one, other in zip(mine, others, strict=True))


def conditions(**particular: object) -> dict[str, object]:
    """Where and when this was measured, with what is particular to it."""
    return {
        **particular,
        "cpus": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "system": platform.platform(),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def conclude(goals: Sequence[Goal], figures: Mapping[str, object], where: Mapping[str, object]) -> None:
    """Print the goals, the conditions and one JSON line with everything; exit 1 where a goal was missed."""
    for goal in goals:
        verdict = "" if goal.met else "   MISSED"
        print(f"  {goal.name:<48} {goal.value:8.3f}   goal: at most {goal.at_most:g}{verdict}")
    print("  " + ", ".join(f"{name} {value}" for name, value in where.items()))
    told = {goal.name: {"value": goal.value, "at_most": goal.at_most, "met": goal.met} for goal in goals}
    print(json.dumps({"goals": told, **figures, "conditions": where}), flush=True)
    sys.exit(0 if all(goal.met for goal in goals) else 1)


def rounds_from_arguments(usual: int) -> int:
    """The first argument, or what is usual."""
    return int(sys.argv[1]) if len(sys.argv) > 1 else usual
