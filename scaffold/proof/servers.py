"""Starts the program of an installed repository as production would, over http or stdio.

Each server leads a process group of its own, which is ended when the block ends, also by an exception or a signal.
"""

from __future__ import annotations

import contextlib
import json
import queue
import secrets
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import IO

from scaffold import environment
from scaffold.endpoint import Endpoint
from scaffold.proof.outcomes import NotStarted, WireError
from scaffold.proof.wire import exchange
from scaffold.rendered.repository import RenderedRepository
from scaffold.toolchain.installation import Installation
from scaffold.toolchain.processes import Running, free_ports, last_lines, read_log, started_group

READY_SECONDS = 60.0
GRACE_SECONDS = 30
"""So long an orchestrator waits where nobody says otherwise; with nothing in flight, a server needs a moment."""
BIND_ATTEMPTS = 3
PROGRAM_SECONDS = 60
COLLECTOR_VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT"
ALLOWED_ORIGIN = "https://client.example.com"

PORT_TAKEN = ("address already in use", "only one usage of each socket address")


@dataclass(frozen=True)
class Server:
    """A started server: its process, its log, and where it listens."""

    process: subprocess.Popen[bytes]
    log_file: Path
    endpoint: Endpoint

    @property
    def log(self) -> str:
        """The last lines that it wrote."""
        return last_lines(read_log(self.log_file))

    @property
    def lost_its_port(self) -> bool:
        """Whether it ended because somebody else took the port first."""
        return self.process.poll() is not None and any(sign in self.log.lower() for sign in PORT_TAKEN)

    def wait_until_ready(self) -> None:
        """Return once `/readyz` answers 200; raises `NotStarted` when the server ends or the deadline passes."""
        seen = self.wait_for_readiness(HTTPStatus.OK)
        if seen != HTTPStatus.OK:
            raise NotStarted(f"it was not ready within {READY_SECONDS:.0f} seconds (/readyz: {seen})", self.log)

    def wait_for_readiness(self, status: int) -> int | str:
        """Ask /readyz until it answers this status, and return the last answer; raises `NotStarted` at its end."""
        seen: int | str = "no answer"
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if (code := self.process.poll()) is not None:
                raise NotStarted(f"it ended with status {code} instead of serving", self.log)
            try:
                seen = exchange(self.endpoint, "GET", "/readyz").status
            except WireError as error:
                seen = str(error)
            if seen == status:
                break
            time.sleep(0.03)
        return seen

    def terminate(self, patience: float) -> int | None:
        """Send SIGTERM and return the exit status, or None when it does not end in time."""
        self.process.terminate()
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            return None


@dataclass(frozen=True)
class ProgramRun:
    """How a program ended, what it printed, and its last word."""

    status: int | None
    output: str
    last_word: str


@dataclass(frozen=True)
class Launcher:
    """Starts what was installed, each time with settings of its own."""

    installation: Installation
    settings: Mapping[str, str]
    running: Running = field(default_factory=Running)

    def with_settings(self, changes: Mapping[str, str]) -> Launcher:
        """The same with some settings changed or, with an empty value, taken away."""
        return replace(self, settings={k: v for k, v in {**self.settings, **changes}.items() if v})

    @contextmanager
    def ready(self, host: str = "") -> Iterator[Server]:
        """Start a server and wait until it is ready; where somebody else took its port first, try another.

        Raises:
            NotStarted: it ended, or was not ready in time.
        """
        for _ in range(BIND_ATTEMPTS - 1):
            with self.started(host) as server:
                try:
                    server.wait_until_ready()
                except NotStarted:
                    if server.lost_its_port:
                        continue
                    raise
                yield server
                return
        with self.started(host) as server:
            server.wait_until_ready()
            yield server

    @contextmanager
    def started(self, host: str = "") -> Iterator[Server]:
        """Start a server over http on a free port; it is ended with all its children when the block ends."""
        port, metrics_port = free_ports(2)
        settings = {**self.settings, "MCP_PORT": str(port), "MCP_METRICS_PORT": str(metrics_port)}
        endpoint = replace(Endpoint.at(f"http://127.0.0.1:{port}/mcp"), host=host or f"127.0.0.1:{port}")
        command = [str(self._program), "--transport", "http"]
        with self._log() as log, self._group(command, settings, log, subprocess.DEVNULL) as process:
            yield Server(process, Path(log.name), endpoint)

    @contextmanager
    def piped(self) -> Iterator[StdioServer]:
        """Start a server over stdio; it is ended with all its children when the block ends."""
        command = [str(self._program), "--transport", "stdio"]
        with self._log() as log, self._group(command, self.settings, log, subprocess.PIPE) as process:
            yield StdioServer(process, Path(log.name))

    def run_python(self, source: str, variables: Mapping[str, str]) -> ProgramRun:
        """Run a program with the repository's own Python and packages.

        Its status is None when it was ended for taking too long.
        """
        command = [str(self.installation.executable("python")), "-c", source]
        with self._log() as log, self._group(command, variables, log, subprocess.PIPE) as process:
            try:
                output = process.communicate(timeout=PROGRAM_SECONDS)[0].decode("utf-8", "replace")
            except subprocess.TimeoutExpired:
                return ProgramRun(None, "", last_lines(read_log(Path(log.name)), 1))
            return ProgramRun(process.returncode, output, last_lines(read_log(Path(log.name)), 1))

    @property
    def _program(self) -> Path:
        program = self.installation.executable(self.installation.repository.slug)
        if not program.exists():
            raise NotStarted(f"it installs no program named {program.name}", "")
        return program

    @contextmanager
    def _log(self) -> Iterator[IO[bytes]]:
        with tempfile.NamedTemporaryFile(dir=self.installation.folder, suffix=".log", delete=False) as log:
            yield log

    @contextmanager
    def _group(
        self, command: Sequence[str], settings: Mapping[str, str], log: IO[bytes], pipe: int
    ) -> Iterator[subprocess.Popen[bytes]]:
        variables = {**environment.for_server(), **settings}
        with (
            started_group(command, self.installation.repository.path, variables, log, pipe) as process,
            self.running.holding(process),
        ):
            yield process


def production_settings(repository: RenderedRepository) -> dict[str, str]:
    """What a deployment of this repository sets, but for the port and the issuer."""
    return {
        "MCP_ENVIRONMENT": "production",
        "MCP_HOST": "127.0.0.1",
        "MCP_PUBLIC_URL": repository.public_url,
        "MCP_ALLOWED_ORIGINS": ALLOWED_ORIGIN,
        "MCP_REQUEST_STATE_KEYS": secrets.token_urlsafe(32),
    }


class StdioServer:
    """A server that is spoken to through its standard streams."""

    def __init__(self, process: subprocess.Popen[bytes], log_file: Path) -> None:
        """Read what it writes from now on."""
        self.process = process
        self.log_file = log_file
        self.lines: list[bytes] = []
        self._arrived: queue.Queue[bytes | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def log(self) -> str:
        """The last lines that it wrote to standard error."""
        return last_lines(read_log(self.log_file))

    def _read(self) -> None:
        with contextlib.suppress(ValueError, OSError):
            for line in self.process.stdout or ():
                self._arrived.put(line)
        self._arrived.put(None)

    def send(self, message: object) -> None:
        """Write one message as one line; a server that is gone shows itself when an answer is awaited."""
        with contextlib.suppress(OSError):
            if self.process.stdin is not None:
                self.process.stdin.write(json.dumps(message).encode() + b"\n")
                self.process.stdin.flush()

    def receive(self, patience: float) -> bytes | None:
        """The next line, or None when the output ended; raises `TimeoutError`."""
        try:
            line = self._arrived.get(timeout=patience)
        except queue.Empty:
            raise TimeoutError from None
        if line is not None:
            self.lines.append(line)
        return line

    def end_input(self, patience: float) -> int | None:
        """Close its input and return the exit status, or None when it does not end in time."""
        with contextlib.suppress(OSError):
            if self.process.stdin is not None:
                self.process.stdin.close()
        try:
            code = self.process.wait(patience)
        except subprocess.TimeoutExpired:
            return None
        with contextlib.suppress(TimeoutError):
            while self.receive(1.0) is not None:
                pass
        return code
