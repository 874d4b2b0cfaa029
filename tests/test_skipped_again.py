"""`pytest --skipped` runs what the last run skipped, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.template import CHECKOUT

TESTS = """
import os, pytest

def test_that_runs(): pass

@pytest.mark.xdist_group("tools")
@pytest.mark.parametrize("text", ["a@b", "c"])
def test_that_needs_a_tool(text):
    if text == "a@b" and "TOOL" not in os.environ: pytest.skip("no tool")
"""


def test_only_what_was_skipped_runs_again(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(TESTS, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    assert "2 passed, 1 skipped" in run(tmp_path)
    assert "1 passed" in run(tmp_path, "--skipped", TOOL="1")


def test_without_a_cache_all_runs_and_nothing_can_run_again(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(TESTS, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    assert "2 passed, 1 skipped" in run(tmp_path, "-p", "no:cacheprovider")
    assert "--skipped needs what the last run left" in run(tmp_path, "-p", "no:cacheprovider", "-n", "0", "--skipped")


def run(folder: Path, *options: str, **variables: str) -> str:
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-n", "1", "--dist=loadgroup", *options],
        cwd=folder,
        env={**surroundings, "PYTHONPATH": str(CHECKOUT), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.splitlines()[-1] + done.stderr
