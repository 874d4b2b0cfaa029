"""Node programs that tests run, installed from their lock once and kept between runs."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

HOW = "Node 22 or newer is missing: `uv sync --group node` brings it"


def find(program: str) -> str:
    """`node` or `npm` of the environment, or of the path; without it the test is skipped and says so."""
    found = _which(program)
    if found is None or _major_version() < 22:
        pytest.skip(HOW)
    return found


def install(project: Path, place: pytest.Cache) -> Path:
    """Install what the lock of a project names; returns the folder that holds its `node_modules`."""
    folder = place.mkdir(f"node-{project.name}")
    npm = find("npm")
    lock = (project / "package-lock.json").read_bytes()
    installed = folder / "installed.json"
    if not installed.exists() or installed.read_bytes() != lock:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(project / name, folder)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        installed.write_bytes(lock)
    return folder


def _which(program: str) -> str | None:
    return shutil.which(program, path=str(Path(sys.executable).parent)) or shutil.which(program)


@cache
def _major_version() -> int:
    node = _which("node")
    if node is None:
        return 0
    told = subprocess.run([node, "--version"], capture_output=True, encoding="utf-8", timeout=30, check=False)
    return int(told.stdout.strip().removeprefix("v").partition(".")[0] or 0)
