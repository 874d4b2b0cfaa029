# Managed by the template; updates merge into this file.
"""A Redis of the tests' own, on a free port of loopback."""

import os
import shutil
import subprocess

import pytest
from process import free_port


class Store:
    """Runs until it is stopped; where neither program is installed, the test is skipped, but in CI it fails."""

    def __init__(self) -> None:
        program = shutil.which("valkey-server") or shutil.which("redis-server")
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
