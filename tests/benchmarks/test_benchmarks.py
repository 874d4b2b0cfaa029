"""The benchmarks in little: each sees a contender that misses its goals."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.support.template import CHECKOUT

SLOW = f"{sys.executable} {CHECKOUT / 'tests' / 'servers' / 'slow.py'}"
BARE = f"{sys.executable} {CHECKOUT / 'benchmarks' / 'peers' / 'bare_sdk.py'}"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def measure(benchmark: str, *arguments: str) -> tuple[int, dict[str, Any]]:
    """The exit status and the last line of a benchmark."""
    done = subprocess.run(
        [sys.executable, str(CHECKOUT / "benchmarks" / f"{benchmark}.py"), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout.splitlines()[-1])


def missed(report: dict[str, Any]) -> set[str]:
    return {name for name, goal in report["goals"].items() if not goal["met"]}


TINY = ("--lives=1", "--rounds=1", "--calls=10", "--starts=1", "--principals=2", "--without-peers")


def test_a_slow_server_misses_the_goals_of_a_server() -> None:
    status, report = measure("server", *TINY, f"--ours={SLOW}")
    assert status == 1
    assert {
        "CPU per call of bare SDK's, 2026-07-28",
        "CPU per call of bare SDK's, 2025-11-25",
        "CPU per call of SDK, JSON's, 2026-07-28",
        "CPU per call of SDK, JSON's, 2025-11-25",
        "start-up CPU of bare SDK's",
        "resident memory, MB",
    } <= missed(report)


def test_a_server_that_slows_as_it_grows_is_seen() -> None:
    status, report = measure("growth", "--rounds=1", "--calls=8", "--tools=5", "--principals=12", f"--ours={SLOW}")
    assert status == 1
    assert "CPU per call with many tools" in missed(report)


def test_a_server_that_keeps_what_it_saw_is_seen() -> None:
    status, report = measure("memory", "--calls=40", "--principals=2", f"--ours={SLOW}")
    assert status == 1
    assert "growth in the second half of all calls, MB" in missed(report)


def test_a_server_that_keeps_nothing_is_seen() -> None:
    status, report = measure("memory", "--calls=400", "--principals=2", f"--ours={BARE}")
    assert (status, missed(report)) == (0, set())


@pytest.mark.parametrize("seconds, status", [(2, 1), (0, 0)])
def test_a_command_that_is_slower_than_its_goal_misses_it(seconds: float, status: int) -> None:
    """All benchmarks of commands compare by this."""
    code = (
        f"import sys; sys.path.insert(0, {str(CHECKOUT / 'benchmarks')!r})\n"
        "from paired import Contender, compare\n"
        "work = 'import time\\nwhile time.process_time() < {}: pass'.format\n"
        "command = lambda seconds: [sys.executable, '-c', work(seconds)]\n"
        f"compare(Contender('ours', command({seconds})), Contender('theirs', command(1)), goal=1, rounds=1)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
