"""A temporary folder beside the destination: a complete result is moved there, and the folder is removed."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from types import FrameType
from typing import NoReturn

from scaffold.errors import Interrupted, RefusedError
from scaffold.git import Git, GitError

GIT_FOLDER = ".git"

ENDING_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)
)


class Workspace:
    """A temporary folder beside the destination.

    Attributes:
        folder: Where everything temporary goes, other programs' temporary files included.
        repository: Where the repository is made; nothing is there at first.
    """

    def __init__(self, destination: Path) -> None:
        self._destination = destination
        self._fills = destination.is_dir() and not _is_replaceable(destination)
        beside = destination if self._fills and _is_apart(destination) else destination.parent
        self.folder = beside / f".{destination.name}.{token_hex(4)}"
        self.repository = self.folder / "repository"

    def take_git(self) -> None:
        """Copy `.git` of a destination that is a repository without commits, so that its settings and remotes stay."""
        if (self._destination / GIT_FOLDER).is_dir():
            shutil.copytree(self._destination / GIT_FOLDER, self.repository / GIT_FOLDER, symlinks=True)

    def deliver(self) -> None:
        """Move the repository to the destination, in one step that no signal interrupts.

        A folder that cannot be replaced, such as the one that the person is in, is filled: a step for each entry, all
        taken back where one fails.
        """
        ignore_signals()
        if self._fills:
            _fill(self._destination, self.repository, self.folder / "former")
            return
        if self._destination.is_dir():
            self._destination.rmdir()
        self.repository.rename(self._destination)


def free_destination(path: Path) -> Path:
    """Resolve `path`, at which there must be nothing, an empty folder, or a git repository without commits and files.

    Raises:
        RefusedError: Something is there, or the folder cannot be replaced.
    """
    try:
        destination = path.resolve()
        taken = destination.exists() and any(destination.iterdir()) and not _is_fresh_repository(destination)
    except NotADirectoryError:
        taken = True
    except (OSError, RuntimeError) as error:
        raise RefusedError(f"{path} cannot be used: {error}.") from error
    if path.is_symlink():
        raise RefusedError(f"{path} is a link, which cannot be replaced by a folder: name a new or an empty folder.")
    if taken:
        raise RefusedError(f"{destination} already holds something: name a new or an empty folder.")
    return destination


def _is_fresh_repository(folder: Path) -> bool:
    """Whether there is a git repository without commits, and nothing else."""
    if [entry.name for entry in folder.iterdir()] != [GIT_FOLDER] or not (folder / GIT_FOLDER).is_dir():
        return False
    git = Git(folder)
    try:
        return not git("for-each-ref", "--count=1") and not git("ls-files")
    except GitError:
        return False


def _is_replaceable(folder: Path) -> bool:
    """Whether an existing folder can make way for another of its name."""
    return not (folder == Path.cwd() or any(folder.iterdir()) or _is_apart(folder))


def _is_apart(folder: Path) -> bool:
    """Whether nothing can be made beside an existing folder that would be moved into it at once."""
    return folder.is_mount() or not os.access(folder.parent, os.W_OK | os.X_OK)


def _fill(folder: Path, source: Path, former: Path) -> None:
    """Move what `source` holds into `folder`; what is there under the same name goes to `former`."""
    former.mkdir()
    moved: list[tuple[Path, Path]] = []
    try:
        for entry in sorted(source.iterdir()):
            for start, end in ((folder / entry.name, former / entry.name), (entry, folder / entry.name)):
                if start.exists():
                    start.rename(end)
                    moved.append((start, end))
    except OSError:
        for start, end in reversed(moved):
            end.rename(start)
        raise


@contextmanager
def workspace(destination: Path) -> Iterator[Workspace]:
    """Work in a temporary folder beside `destination`; afterwards it is gone, also when a signal ends the work.

    Missing parents are made, and removed again unless something was delivered.

    Raises:
        RefusedError: The folder beside the destination cannot be written to.
        Interrupted: A signal asked the process to end.
    """
    work = Workspace(destination)
    missing = [parent for parent in destination.parents if not parent.exists()]
    with signals_interrupt(), _temporary_files_in(work.folder):
        try:
            _make(work.folder)
            yield work
        finally:
            ignore_signals()
            shutil.rmtree(work.folder, onerror=_make_writable)
            _remove_empty(missing)


@contextmanager
def signals_interrupt() -> Iterator[None]:
    """Let a signal that asks the process to end raise `Interrupted`, once."""
    previous = {number: signal.signal(number, _interrupt) for number in ENDING_SIGNALS}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    del frame
    # Once is enough: a second Ctrl-C must not interrupt the tidying.
    ignore_signals()
    raise Interrupted(signal.Signals(number).name)


def ignore_signals() -> None:
    """Ignore every signal that asks the process to end."""
    for number in ENDING_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """Let the temporary files of this process and its children lie in `folder`."""
    names = ("TMPDIR", "TEMP", "TMP")
    before = {name: os.environ[name] for name in names if name in os.environ}
    default = tempfile.tempdir
    tempfile.tempdir = str(folder)
    os.environ.update(dict.fromkeys(names, str(folder)))
    try:
        yield
    finally:
        tempfile.tempdir = default
        for name in names:
            del os.environ[name]
        os.environ.update(before)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise RefusedError(f"{folder.parent} cannot be written to: {error.strerror}.") from error


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return


def _make_writable(remove: Callable[[str], object], path: str, reason: object) -> None:
    """Remove a read-only file, such as an object of git, which Windows refuses to remove."""
    del reason
    if Path(path).exists():
        Path(path).chmod(stat.S_IWRITE)
        remove(path)
