"""Brings a plan into the working tree, so that a kill at any point leaves the repository as before or as after.

The intent is written down first, in one step, in git's own folder. Then the index is locked as git itself locks it,
and from there on the change is only ever completed: by a process of its own, which outlives this one, or, should that
be killed too, by the next command that finds the note. What it does can be done again from any point; the index is
replaced last, in one step.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from scaffold.errors import ScaffoldError
from scaffold.git import Git, decoded
from scaffold.workspace import ignore_signals

NOTE = "mcp-scaffold-update.json"


class ApplicationError(ScaffoldError):
    """A change could not be brought into the working tree."""


@dataclass(frozen=True)
class Intent:
    """The change to the working tree that is to be made.

    Attributes:
        before: The commit that it is based on.
        after: The tree that is laid out.
        unmerged: The index entries of conflicts, as `git update-index --index-info` takes them.
    """

    before: str
    after: str
    unmerged: list[str]

    @classmethod
    def read(cls, note: Path) -> Intent:
        """Read what was written down."""
        return cls(**json.loads(note.read_text(encoding="utf-8")))

    @property
    def conflicts(self) -> set[str]:
        """The paths that are unmerged afterwards."""
        return {line.partition("\t")[2] for line in self.unmerged}


def apply(intent: Intent, git: Git, pack: bytes) -> None:
    """Change the working tree and the index as intended; nothing is committed. Signals are ignored from here on.

    Args:
        intent: What is to become of the working tree.
        git: Runs in the repository.
        pack: The objects that the result is made of, as `git pack-objects` writes them.

    Raises:
        ApplicationError: Something changed meanwhile, or git refused.
    """
    ignore_signals()
    git.raw("unpack-objects", "-q", stdin=pack)
    if git("rev-parse", "HEAD") != intent.before or git("status", "--porcelain"):
        raise ApplicationError("The repository was changed meanwhile, so nothing was applied: run it again.")
    write_note(intent, git)
    _begin_apart(git.folder)


def write_note(intent: Intent, git: Git) -> None:
    """Write the intent down, in one step."""
    note = _note(git)
    draft = note.with_suffix(".draft")
    with draft.open("w", encoding="utf-8", newline="\n") as file:
        json.dump(asdict(intent), file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(note)


def begin(folder: Path) -> None:
    """Apply the intent of the note to a working tree that nobody changed since.

    Raises:
        ApplicationError: Another git process holds the index.
        GitError: git refused.
    """
    git = Git(folder)
    note, lock = _note(git), _lock(git)
    try:
        lock.touch(exist_ok=False)
    except FileExistsError as error:
        note.unlink()
        raise ApplicationError(
            f"Another git process is at work here, or left {lock} behind: wait for it, or delete that file."
        ) from error
    intent = Intent.read(note)
    try:
        _lay_out(git, intent)
    except (ScaffoldError, OSError):
        _put_back(git, intent)
        raise


def recover(folder: Path) -> bool:
    """Complete what a killed process began to write; return whether there was such a thing.

    Raises:
        ApplicationError: Files were edited since, so it is for a person to decide.
        GitError: git refused.
    """
    git = Git(folder)
    if not git.succeeds("rev-parse", "--git-dir") or not _note(git).exists():
        return False
    note, lock = _note(git), _lock(git)
    intent = Intent.read(note)
    if not lock.exists() or git("rev-parse", "HEAD") != intent.before:
        note.unlink()
        return False
    _refuse_edits(git, intent)
    _lay_out(git, intent)
    return True


def _begin_apart(folder: Path) -> None:
    """Run `begin` in another session, so that what ends this process does not end that one."""
    done = subprocess.run(
        [sys.executable, "-m", __spec__.name, str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise ApplicationError(f"The change could not be applied: {done.stderr.strip()}")


def _lay_out(git: Git, intent: Intent) -> None:
    """Write the files, then replace the index. The index must be locked; what the lock file holds is overwritten."""
    index, lock = _index(git), _lock(git)
    lock.with_name(f"{lock.name}.lock").unlink(missing_ok=True)
    lock.write_bytes(index.read_bytes())
    locked = git.with_variables(GIT_INDEX_FILE=str(lock))
    locked("read-tree", "--reset", "-u", intent.after)
    removed = [f"0 {'0' * 40}\t{path}" for path in sorted(intent.conflicts)]
    if removed:
        locked(
            "update-index", "-z", "--index-info", stdin="".join(f"{line}\0" for line in [*removed, *intent.unmerged])
        )
    lock.replace(index)
    _note(git).unlink()


def _put_back(git: Git, intent: Intent) -> None:
    """Restore the files that a refused layout changed, and unlock the index."""
    lock = _lock(git)
    locked = git.with_variables(GIT_INDEX_FILE=str(lock))
    for path in _changed_paths(git, intent):
        before = _blob(git, intent.before, path)
        if before is None:
            (git.folder / path).unlink(missing_ok=True)
        elif not _holds(git, git.folder / path, before):
            locked("checkout-index", "--force", "--", path)
    _note(git).unlink()
    lock.unlink()


def _holds(git: Git, file: Path, blob: str) -> bool:
    return file.is_file() and decoded(git.raw("hash-object", "--", str(file))).strip() == blob


def _changed_paths(git: Git, intent: Intent) -> list[str]:
    listed = git("diff-tree", "-r", "-z", "--no-renames", "--name-only", intent.before, intent.after)
    return [path for path in listed.split("\0") if path]


def _refuse_edits(git: Git, intent: Intent) -> None:
    """Every file that is to change must be as before, as after, missing, or the beginning of what it becomes."""
    for path in _changed_paths(git, intent):
        states = [_blob(git, intent.before, path), _blob(git, intent.after, path)]
        if not _is_between(git, git.folder / path, states):
            raise ApplicationError(
                f"An update was cut short, and {path} was edited since: save your edit elsewhere and delete the file, "
                "then run this again."
            )


def _is_between(git: Git, file: Path, states: list[str | None]) -> bool:
    if file.is_symlink() or not file.is_file():
        return not file.exists() or file.is_dir()
    content = file.read_bytes()
    known = decoded(git.raw("hash-object", "--", str(file))).strip()
    return known in states or any(state and git.raw("cat-file", "blob", state).startswith(content) for state in states)


def _blob(git: Git, treeish: str, path: str) -> str | None:
    done = git.run("rev-parse", "--verify", "--quiet", f"{treeish}:{path}")
    return decoded(done.stdout).strip() or None


def _note(git: Git) -> Path:
    return Path(git("rev-parse", "--absolute-git-dir")) / NOTE


def _index(git: Git) -> Path:
    return git.folder / git("rev-parse", "--git-path", "index")


def _lock(git: Git) -> Path:
    return _index(git).with_name("index.lock")


if __name__ == "__main__":
    try:
        begin(Path(sys.argv[1]))
    except (ScaffoldError, OSError) as error:
        sys.exit(str(error))
