"""Programs that are ended with all their children, however the block that started them ends."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

WINDOWS = sys.platform == "win32"
LOG_LINES = 12
ENDING_SECONDS = 5.0


@contextmanager
def started_group(
    command: Sequence[str], cwd: Path, variables: Mapping[str, str], log: IO[bytes], pipe: int
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program as the leader of a process group, and end the group however the block ends.

    Args:
        command: The program and its arguments.
        cwd: The folder in which it runs.
        variables: Its whole environment.
        log: Takes its standard error, and its standard output too where that is no pipe.
        pipe: `subprocess.PIPE` to speak with it through its standard streams, `subprocess.DEVNULL` otherwise.
    """
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
    """Kill whatever is left of a process group, and wait for its leader."""
    kill_group(process)
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process group without waiting for its end."""
    if WINDOWS:
        process.kill()
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def ask_group_to_end(process: subprocess.Popen[bytes]) -> None:
    """Send SIGTERM to a process group and wait a while, so that it can end what it started elsewhere: a container."""
    if WINDOWS:
        process.terminate()
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(ENDING_SECONDS)


class Running:
    """The process groups of one task, so that all can be ended while other threads wait for them."""

    def __init__(self) -> None:
        """Nothing runs yet."""
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._ended = False

    @contextmanager
    def holding(self, process: subprocess.Popen[bytes]) -> Iterator[None]:
        """Keep a process while the block runs; once `end` was called, it is killed at once."""
        self._processes.add(process)
        if self._ended:
            kill_group(process)
        try:
            yield
        finally:
            self._processes.discard(process)

    def end(self) -> None:
        """Kill every process that is held, and each that will be."""
        self._ended = True
        for process in tuple(self._processes):
            kill_group(process)


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on at this moment."""
    with contextlib.ExitStack() as held:
        listeners = [held.enter_context(socket.socket()) for _ in range(count)]
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in listeners]


def with_programs_first(programs: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """An environment whose `PATH` begins with a folder of programs."""
    return {**environment, "PATH": os.pathsep.join(filter(None, [str(programs), environment.get("PATH", "")]))}


def read_log(file: Path) -> str:
    """The text of a log, with a replacement for every byte that is no UTF-8."""
    return file.read_text(encoding="utf-8", errors="replace")


def last_lines(text: str, count: int = LOG_LINES) -> str:
    """The last lines of a log that are not blank, without characters that a terminal would obey."""
    lines = [line for line in text.splitlines() if line.strip()]
    return "\n".join("".join(filter(str.isprintable, line)) for line in lines[-count:])
