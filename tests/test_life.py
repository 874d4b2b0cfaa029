"""Whole lives of rendered repositories: locked, installed, linted, type-checked, tested, started and called."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import uv

from tests.combinations import label, lives

CHECKOUT = Path(__file__).parents[1]
pytestmark = [pytest.mark.life, pytest.mark.network, pytest.mark.slow]


def run(repository: Path, *command: str) -> None:
    """Run a command of the repository's environment; its output is the failure's explanation."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("VIRTUAL_ENV", "MCP_"))}
    done = subprocess.run(
        [uv.find_uv_bin(), "run", "--quiet", "--locked", *command],
        cwd=repository,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-6000:]}\n{done.stderr[-3000:]}"


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("answers", lives(), ids=label)
def test_a_repository_lives(answers: dict[str, Any], tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in answers.items()}
    given = [f"--data={name}={text}" for name, text in texts.items()]
    command = [sys.executable, "-m", "scaffold", "new", str(repository), "--defaults", "--json", *given]
    new = subprocess.run(command, cwd=CHECKOUT, capture_output=True, encoding="utf-8", timeout=600, check=False)
    assert new.returncode == 0, f"{new.stdout[-6000:]}\n{new.stderr[-3000:]}"
    told = json.loads(new.stdout)
    assert told["locked"]
    assert told["committed"]
    assert told["proven"], told["warnings"]
    run(repository, "ruff", "check")
    run(repository, "ruff", "format", "--check")
    run(repository, "mypy")
    run(repository, "pytest", "-q", "-x", *_tests_for(answers))
    assert not _changed(repository), "its own checks leave no trace"


def _tests_for(answers: dict[str, Any]) -> list[str]:
    """All tests for the first lives; for the others, which differ from them by their provider, those that it shapes."""
    if answers in lives()[:5]:
        return []
    shaped = ("authentication", "controls", "policy", "settings")
    return [f"tests/runtime/test_{name}.py" for name in shaped]


def _changed(repository: Path) -> str:
    git = shutil.which("git") or "git"
    status = subprocess.run(
        [git, "status", "--porcelain"], cwd=repository, capture_output=True, encoding="utf-8", check=True
    )
    return status.stdout
