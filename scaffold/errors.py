"""What ends a command early: one hierarchy, whose every error says what is wrong, and then what to do.

A sentence has the form `<what is wrong>: <what to do>.`; the last lines of a log may follow it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import ClassVar


class ExitStatus(IntEnum):
    """How a command ends, for programs. A public contract."""

    DONE = 0
    FAILED = 1
    REFUSED = 2
    """Wrong usage, or answers that cannot be taken."""
    CONFLICT = 3
    """An update left conflicts, or would lose an edit."""
    UNPROVEN = 4
    """A proof failed, or a control regressed."""
    INTERRUPTED = 130


class ScaffoldError(Exception):
    """A command cannot go on. The message is a sentence for people, the exit status one for programs."""

    exit_status: ClassVar[ExitStatus] = ExitStatus.FAILED


class RefusedError(ScaffoldError):
    """Wrong usage: answers, an argument or a path that cannot be used.

    Attributes:
        sentences: One for each refusal.
    """

    exit_status = ExitStatus.REFUSED

    def __init__(self, *sentences: str) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


@contextmanager
def noted(refused: dict[str, str], name: str) -> Iterator[None]:
    """Keep a refusal under a name instead of raising it, so that all refusals of a call are reported together."""
    try:
        yield
    except RefusedError as error:
        refused[name] = str(error)


class RefusedAnswer(RefusedError):  # noqa: N818 -- named after what it is
    """One answer cannot be taken."""

    def __init__(self, key: str, sentence: str) -> None:
        super().__init__(sentence)
        self.key = key


class NotRendered(RefusedError):  # noqa: N818 -- named after what the path is
    """The folder is no repository that mcp-scaffold rendered.

    Attributes:
        reason: What is missing there.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} is no repository that mcp-scaffold rendered: {reason}.")
        self.reason = reason


class RenderError(ScaffoldError):
    """The template cannot be rendered."""


class LockError(ScaffoldError):
    """The dependencies of a rendered repository cannot be resolved."""


class UnavailableError(ScaffoldError):
    """A tool or the network that a step needs is missing here; what came before the step stays."""


class InstallError(ScaffoldError):
    """The lock of a rendered repository does not install.

    Attributes:
        log: The last lines that uv printed.
    """

    def __init__(self, log: str) -> None:
        super().__init__(f"The lock does not install: run uv lock, and commit what it writes.\n{log}")
        self.log = log


class StandInError(ScaffoldError):
    """What stands in for a service during a proof does not start."""


class ConflictError(ScaffoldError):
    """An update left conflicts, or would lose an edit."""

    exit_status = ExitStatus.CONFLICT


class ProofError(ScaffoldError):
    """A proof failed, or a control regressed."""

    exit_status = ExitStatus.UNPROVEN


class Interrupted(KeyboardInterrupt):
    """A signal asks the command to end; what it began is removed on the way out."""

    exit_status: ClassVar[ExitStatus] = ExitStatus.INTERRUPTED
