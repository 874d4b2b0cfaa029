"""Words for people and documents for programs: results on standard output, all else on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from json import dumps
from threading import Timer
from typing import TextIO

from scaffold.progress import Progress

PATIENCE_SECONDS = 1.0
"""So long may a step take before its name is printed."""


def say(text: str) -> None:
    """Print a result for people."""
    _print(text, sys.stdout)


def note(text: str) -> None:
    """Print what is no result: a warning, a refusal, progress."""
    _print(text, sys.stderr)


def emit(document: Mapping[str, object]) -> None:
    """Print the one JSON document of a command, in ASCII so that every terminal and pipe can carry it."""
    print(dumps(document, indent=2))


def shown(answer: object) -> str:
    """An answer in words."""
    return ", ".join(map(str, answer)) or "none" if isinstance(answer, list) else str(answer)


def is_interactive() -> bool:
    """Whether a person can be asked: both ends of the conversation are a terminal."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def conclude(document: Mapping[str, object], words: str, warnings: Iterable[str] = (), *, json: bool) -> None:
    """Print the warnings of a command, and its result: the document for programs, or the words for people."""
    for warning in warnings:
        note(warning)
    if json:
        emit(document)
    else:
        say(words)


class ConsoleProgress(Progress):
    """Tells a person on a terminal what goes on."""

    @contextmanager
    def step(self, words: str) -> Iterator[None]:
        """Name the step once it takes longer than a second."""
        if not sys.stderr.isatty():
            yield
            return
        timer = Timer(PATIENCE_SECONDS, note, [f"{words} …"])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def part(self, words: str) -> None:
        """Name the part at once."""
        if sys.stderr.isatty():
            note(f"  {words}")


PROGRESS = ConsoleProgress()


def _print(text: str, stream: TextIO) -> None:
    """Print `text`, with escapes for what the stream cannot encode."""
    encoding = stream.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream)
