"""Words for people and documents for programs: results on standard output, all else on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Timer
from typing import TextIO

from scaffold.errors import UnavailableError

PATIENCE_SECONDS = 1.0
"""How long a step may take before a person is told about it."""


def say(text: str) -> None:
    """Print a result for people."""
    _print(text, sys.stdout)


def note(text: str) -> None:
    """Print what is no result: a warning, a refusal, progress."""
    _print(text, sys.stderr)


def emit(document: Mapping[str, object]) -> None:
    """Print the one JSON document of a command, in ASCII so that every terminal and pipe can carry it."""
    print(json.dumps(document, indent=2))


def shown(answer: object) -> str:
    """An answer in words."""
    return ", ".join(map(str, answer)) or "none" if isinstance(answer, list) else str(answer)


def is_interactive() -> bool:
    """Whether a person can be asked: both ends of the conversation are a terminal."""
    return sys.stdin.isatty() and sys.stdout.isatty()


@contextmanager
def step(words: str) -> Iterator[None]:
    """Tell a person on a terminal what goes on, once it takes longer than a second."""
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


def attempt(words: str, work: Callable[[], None], warnings: list[str]) -> bool:
    """Whether one step could be done; why it lacked a tool or the network joins the warnings."""
    try:
        with step(words):
            work()
    except UnavailableError as error:
        warnings.append(f"{words} was left out: {str(error).rstrip('.')}.")
        return False
    return True


def progress(words: str) -> None:
    """Tell a person on a terminal about one part of a long step."""
    if sys.stderr.isatty():
        note(f"  {words}")


def _print(text: str, stream: TextIO) -> None:
    """Print `text`, with escapes for what the stream cannot encode."""
    encoding = stream.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream)
