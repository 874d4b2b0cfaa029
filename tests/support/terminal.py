"""A person at a terminal: reads what a program shows, and types."""

from __future__ import annotations

import os
import re
import select
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
CURSOR_QUESTION, CURSOR_ANSWER = b"\x1b[6n", b"\x1b[1;1R"


class Person:
    """Talks to one program through a pseudo terminal."""

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal
        self._seen = ""

    def waits_for(self, text: str, patience: float = 60) -> None:
        """Read until the program has shown `text`, which must be new."""
        deadline = time.monotonic() + patience
        while text not in self._seen:
            assert time.monotonic() < deadline, f"{text!r} was not shown in:\n{self._seen}"
            self._read()
        self._seen = self._seen.partition(text)[2]

    def types(self, keys: str) -> None:
        """Press these keys."""
        os.write(self._terminal, keys.encode())

    def _read(self) -> None:
        if not select.select([self._terminal], [], [], 0.2)[0]:
            return
        shown = os.read(self._terminal, 65536)
        if CURSOR_QUESTION in shown:
            os.write(self._terminal, CURSOR_ANSWER)
        self._seen += ESCAPES.sub("", shown.decode(errors="replace"))


@contextmanager
def at_terminal(command: Sequence[str], folder: Path) -> Iterator[tuple[Person, subprocess.Popen[bytes]]]:
    """Run `command` in `folder` on a terminal of its own."""
    import pty  # noqa: PLC0415 -- Windows has none

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "200", "LINES": "50"},
    )
    os.close(theirs)
    try:
        yield Person(ours), process
    finally:
        process.kill()
        process.wait()
        os.close(ours)
