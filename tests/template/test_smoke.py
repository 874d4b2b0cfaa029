"""The smoke projects: which there are, and that a life ends with the step that fails."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scaffold.template.presets import read_presets
from tests import smoke
from tests.support.combinations import lives, pairs
from tests.support.template import CHECKOUT

PYPROJECT = """\
[project]
name = "notes"
version = "1"
requires-python = ">=3.11"
dependencies = ["iniconfig>=1.0,<1.1"]
"""


def test_every_life_preset_and_pair_is_a_project() -> None:
    assert len(smoke.projects()) == len(lives()) + len(read_presets(CHECKOUT)) + len(pairs())
    listed = subprocess.run(
        [sys.executable, "-m", "tests.smoke", "list"], cwd=CHECKOUT, capture_output=True, check=True
    )
    assert json.loads(listed.stdout) == [*smoke.projects()]


def test_a_life_holds_every_step_in_order(tmp_path: Path) -> None:
    names = [words for words, _ in smoke.steps({}, tmp_path, newest=True)]
    expected = [
        "generate, lock, prove, commit",
        "lock the newest",
        "ruff check",
        "mypy",
        "pytest -q -x",
        "parts",
        "build",
    ]
    assert [name for name in names if name in expected] == expected
    assert names[-1] == "prove --full"


def test_a_step_that_fails_tells_what_it_printed(tmp_path: Path) -> None:
    with pytest.raises(smoke.SmokeError, match="transport"):
        smoke.create({"transport": "pigeon"}, tmp_path / "repository")


@pytest.mark.network
def test_the_newest_are_taken_beyond_the_bounds(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    smoke.take_newest(tmp_path)
    assert 'override-dependencies = ["iniconfig"]' in (tmp_path / "pyproject.toml").read_text(encoding="utf-8")
    assert 'name = "iniconfig"\nversion = "2' in (tmp_path / "uv.lock").read_text(encoding="utf-8")
