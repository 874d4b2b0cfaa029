"""Two commands, run in turns, so that whatever else the machine does falls on both."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version


@dataclass(frozen=True)
class Contender:
    """A command, and what must be done before each of its runs."""

    name: str
    command: Sequence[str]
    prepare: Callable[[], None] = lambda: None

    def seconds(self) -> float:
        """Run once and return how long it took."""
        self.prepare()
        begin = time.perf_counter()
        subprocess.run(
            self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=_environment(), check=True
        )
        return time.perf_counter() - begin


def compare(ours: Contender, theirs: Contender, *, goal: float, rounds: int) -> None:
    """Run both `rounds` times in turns, after one run each that does not count; print a table and a JSON line."""
    for contender in (ours, theirs):
        contender.seconds()
    pairs = [(ours.seconds(), theirs.seconds()) for _ in range(rounds)]
    medians = [statistics.median(times) for times in zip(*pairs, strict=True)]
    ratio = statistics.median(mine / other for mine, other in pairs)
    conditions = _conditions(rounds)
    print(f"{rounds} pairs on {conditions['cpus']} CPUs, load {conditions['load']}, {conditions['python']}")
    for contender, median in zip((ours, theirs), medians, strict=True):
        print(f"  {contender.name:<40} {median:6.3f} s")
    print(f"  {'ratio, median of the pairs':<40} {ratio:6.3f}   goal: at most {goal}")
    document = {"medians": dict(zip((ours.name, theirs.name), medians, strict=True)), "ratio": ratio, "goal": goal}
    print(json.dumps({**document, "conditions": conditions}))


def _environment() -> dict[str, str]:
    """Of a usual machine, which keeps the bytecode that the first run compiled."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _conditions(rounds: int) -> dict[str, object]:
    return {
        "rounds": rounds,
        "cpus": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "python": f"Python {platform.python_version()}",
        "system": platform.platform(),
        "copier": version("copier"),
        "typer": version("typer"),
    }


def rounds_from_arguments(usual: int) -> int:
    """The first argument, or what is usual."""
    return int(sys.argv[1]) if len(sys.argv) > 1 else usual
