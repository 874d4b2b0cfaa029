"""Installs a repository from its lock, outside its tree, and starts what was installed as production would.

Whatever is started here is ended here: each server leads a process group of its own, and the group is ended when the
block ends, also by an exception or a signal.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import secrets
import shutil
import signal
import socket
import subprocess
import sys
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
from scaffold.errors import CannotProve
from scaffold.proof.wire import WireError, exchange
from scaffold.rendered.repository import Repository

READY_SECONDS = 60.0
GRACE_SECONDS = 30
"""So long an orchestrator waits where nobody says otherwise; with nothing in flight, a server needs a moment."""
LOG_LINES = 12
BIND_ATTEMPTS = 3
INSTALL_SECONDS = 600
PROGRAM_SECONDS = 60
COLLECTOR_VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT"
ALLOWED_ORIGIN = "https://client.example.com"

WINDOWS = sys.platform == "win32"
UNREACHABLE = ("failed to fetch", "error sending request", "dns error", "network connectivity is disabled")
NO_PYTHON = ("no interpreter found", "no download found")
PORT_TAKEN = ("address already in use", "only one usage of each socket address")


class NotStarted(Exception):  # noqa: N818 -- what became of the server
    """What was installed does not become a server; the text is the sentence, `log` the last lines."""

    def __init__(self, sentence: str, log: str) -> None:
        """Keep the sentence and the log."""
        super().__init__(sentence)
        self.log = log


@dataclass(frozen=True)
class Installation:
    """The environment that a lock became."""

    repository: Repository
    folder: Path

    @property
    def python_version(self) -> str:
        """The version of its Python."""
        told = (self.folder / "environment" / "pyvenv.cfg").read_text(encoding="utf-8")
        return next((line.partition("=")[2].strip() for line in told.splitlines() if line.startswith("version")), "")

    def executable(self, name: str) -> Path:
        """A program of the environment."""
        if WINDOWS:
            return self.folder / "environment" / "Scripts" / f"{name}.exe"
        return self.folder / "environment" / "bin" / name

    def environment(self, settings: Mapping[str, str]) -> dict[str, str]:
        """This process's environment with these settings, and with the installed programs first on the path."""
        return beside(self.executable("python").parent, {**environment.for_server(), **settings})


def install(repository: Repository, folder: Path) -> Installation:
    """Install the repository and its locked runtime dependencies below `folder`.

    Raises `CannotProve` when uv, Python or the network is missing, and `NotStarted` when the lock does not install.
    """
    # uv would take a wheel that it built before the sources changed.
    selection = ("--no-dev", "--no-editable", "--reinstall-package", repository.slug)
    sync(repository, folder / "environment", *selection)
    return Installation(repository, folder)


def sync(repository: Repository, folder: Path, *selection: str) -> None:
    """Make `folder` an environment with what uv's options select of a repository's lock; raises as `install` does."""
    command = [find_uv(), "sync", "--locked", *selection, "--no-progress", "--color", "never"]
    try:
        done = subprocess.run(
            command,
            cwd=repository.path,
            env={**environment.for_uv(), "UV_PROJECT_ENVIRONMENT": str(folder)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CannotProve(f"Installing from the lock took longer than {INSTALL_SECONDS} seconds.") from None
    if not done.returncode:
        return
    told = done.stderr.lower()
    if any(sign in told for sign in UNREACHABLE):
        raise CannotProve(f"The package index cannot be reached.\n{last_lines(done.stderr)}")
    if any(sign in told for sign in NO_PYTHON):
        raise CannotProve(f"uv finds no Python that this repository accepts.\n{last_lines(done.stderr)}")
    raise NotStarted("the lock does not install", last_lines(done.stderr))


def beside(programs: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """An environment in which the programs of a folder come first."""
    return {**environment, "PATH": os.pathsep.join(filter(None, [str(programs), environment.get("PATH", "")]))}


def find_uv() -> str:
    """The uv that came with this distribution, or the one on the path; raises `CannotProve` when there is none."""
    try:
        from uv import find_uv_bin  # noqa: PLC0415 -- a source checkout may lack it

        return find_uv_bin()
    except (ImportError, FileNotFoundError):
        found = shutil.which("uv")
        if found is None:
            raise CannotProve("uv is not installed, so nothing can be installed from the lock.") from None
        return found


def last_lines(text: str, count: int = LOG_LINES) -> str:
    """The last lines of a log that say something."""
    lines = [line for line in text.splitlines() if line.strip()]
    return "\n".join("".join(filter(str.isprintable, line)) for line in lines[-count:])


@dataclass(frozen=True)
class Server:
    """A started server: its process, its log, and where it listens."""

    process: subprocess.Popen[bytes]
    log_file: Path
    endpoint: Endpoint

    @property
    def log(self) -> str:
        """The last lines that it wrote."""
        return last_lines(self.log_file.read_text(encoding="utf-8", errors="replace"))

    @property
    def lost_its_port(self) -> bool:
        """Whether it ended because somebody else took the port first."""
        return self.process.poll() is not None and any(sign in self.log.lower() for sign in PORT_TAKEN)

    def wait_until_ready(self) -> None:
        """Return once readiness is told; raises `NotStarted` when the server ends or the deadline passes."""
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
class Run:
    """How a program ended, what it printed, and its last word."""

    status: int | None
    output: str
    last_word: str


class Running:
    """The process groups of one proof, so that they can be ended although other threads wait for them."""

    def __init__(self) -> None:
        """Nothing runs yet."""
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._ended = False

    @contextmanager
    def holding(self, process: subprocess.Popen[bytes]) -> Iterator[None]:
        """Keep a process while the block runs; after the end of all, nothing new runs either."""
        self._processes.add(process)
        if self._ended:
            _kill_group(process)
        try:
            yield
        finally:
            self._processes.discard(process)

    def end(self) -> None:
        """End everything, now and later."""
        self._ended = True
        for process in tuple(self._processes):
            _kill_group(process)


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

    def run_python(self, source: str, variables: Mapping[str, str]) -> Run:
        """Run a program with the repository's own Python and packages; its status is None when it went on too long."""
        command = [str(self.installation.executable("python")), "-c", source]
        with self._log() as log, self._group(command, variables, log, subprocess.PIPE) as process:
            try:
                output = process.communicate(timeout=PROGRAM_SECONDS)[0].decode("utf-8", "replace")
            except subprocess.TimeoutExpired:
                return Run(None, "", last_lines(_read(log), 1))
            return Run(process.returncode, output, last_lines(_read(log), 1))

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


def production_settings(repository: Repository) -> dict[str, str]:
    """What a deployment of this repository sets, but for the port and the issuer."""
    return {
        "MCP_ENVIRONMENT": "production",
        "MCP_HOST": "127.0.0.1",
        "MCP_PUBLIC_URL": repository.public_url,
        "MCP_ALLOWED_ORIGINS": ALLOWED_ORIGIN,
        "MCP_REQUEST_STATE_KEYS": secrets.token_urlsafe(32),
    }


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on at this moment."""
    with contextlib.ExitStack() as held:
        listeners = [held.enter_context(socket.socket()) for _ in range(count)]
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in listeners]


@contextmanager
def started_group(
    command: Sequence[str], cwd: Path, variables: Mapping[str, str], log: IO[bytes], pipe: int
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program as the leader of a process group, and end the group however the block ends."""
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=dict(variables),
        stdin=pipe,
        stderr=log,
        stdout=subprocess.PIPE if pipe == subprocess.PIPE else log,
        start_new_session=not WINDOWS,
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )
    try:
        yield process
    finally:
        end_group(process)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End whatever is left of a process group, without asking: the probes have asked already."""
    _kill_group(process)
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    if WINDOWS:
        process.kill()
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def _read(log: IO[bytes]) -> str:
    return Path(log.name).read_text(encoding="utf-8", errors="replace")


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
        return last_lines(self.log_file.read_text(encoding="utf-8", errors="replace"))

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
