"""How `scaffold` runs uv: which one, that it ends with its children, and what its failures mean."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from scaffold import hooks
from scaffold.errors import InstallError, LockError, UnavailableError
from scaffold.toolchain import uv
from scaffold.toolchain.uv import Run

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="a program is a script with a first line")
UNREACHABLE = "error: Request failed\n  Caused by: error sending request for url (https://index.example.com/)\n"
CONTRADICTION = "No solution found: mcp==1 and mcp==2 are incompatible\n"


def says(monkeypatch: pytest.MonkeyPatch, status: int | None, log: str) -> None:
    monkeypatch.setattr(uv, "run_uv", lambda *_, **__: Run(status, log))


def program(folder: Path, text: str) -> Path:
    file = folder / "uv"
    file.write_text(f"#!{sys.executable}\n{text}\n", encoding="utf-8")
    file.chmod(0o755)
    return file


@POSIX
def test_uv_is_taken_from_the_path_where_its_package_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "uv", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError, match="uv is not installed: install it"):
        uv.find_uv()

    found = program(tmp_path, "")

    assert uv.find_uv() == str(found)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_takes_too_long_is_ended_with_its_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    child = "import subprocess, sys; print(subprocess.Popen(['sleep', '60']).pid, flush=True); sys.stdin.read()"
    slow = program(tmp_path, f"{child}\nimport time; time.sleep(60)")
    monkeypatch.setattr(uv, "find_uv", lambda: str(slow))

    done = uv.run_uv(folder=tmp_path, variables=dict(os.environ), seconds=2)

    assert done.status is None
    assert has_ended(int(done.last_lines))


def has_ended(process: int) -> bool:
    for _ in range(100):
        try:
            state = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize(
    "status,log,error",
    [
        (2, UNREACHABLE, UnavailableError),
        (2, "error: No interpreter found for Python 3.15\n", UnavailableError),
        (None, "", UnavailableError),
        (1, CONTRADICTION, LockError),
    ],
    ids=["index", "Python", "time", "contradiction"],
)
def test_a_missing_network_is_told_apart_from_a_contradiction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int | None, log: str, error: type[Exception]
) -> None:
    says(monkeypatch, status, log)

    with pytest.raises(error):
        hooks.lock(tmp_path)


def test_a_lock_that_does_not_install_keeps_what_uv_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    says(monkeypatch, 1, CONTRADICTION)

    with pytest.raises(InstallError, match="run uv lock") as failure:
        uv.sync(tmp_path, tmp_path / "environment")
    assert failure.value.log == CONTRADICTION.strip()
