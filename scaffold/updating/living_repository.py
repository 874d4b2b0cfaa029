"""A repository with a history of its own: whether an update can begin there, and what git knows about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from scaffold.errors import NotRendered, RefusedError
from scaffold.git import Git, decoded
from scaffold.rendered.answers import ANSWERS_FILE, ORIGIN_KEY, VERSION_KEY, RecordedAnswers
from scaffold.rendered.repository import RenderedRepository

_SHOWN = 3


@dataclass(frozen=True)
class LivingRepository:
    """A rendered repository, clean and on a branch.

    Attributes:
        git: Runs in the repository.
        head: The commit that is checked out.
        rendered: What stands in the repository.
    """

    git: Git
    head: str
    rendered: RenderedRepository

    @property
    def path(self) -> Path:
        """Its folder."""
        return self.git.folder

    @property
    def recorded(self) -> RecordedAnswers:
        """What it records about its render."""
        return self.rendered.recorded

    @property
    def objects(self) -> Path:
        """Where git keeps its objects."""
        return self.path / self.git("rev-parse", "--git-path", "objects")

    def hidden_edits(self) -> set[str]:
        """The edited files whose edits git does not report (`skip-worktree`, `assume-unchanged`)."""
        # A lower-case letter means assume-unchanged, an S skip-worktree (git-ls-files).
        listed = [entry for entry in self.git("ls-files", "-v", "-z").split("\0") if entry]
        flagged = [entry[2:] for entry in listed if entry[0] == "S" or entry[0].islower()]
        return {path for path in flagged if self._differs(path)}

    def _differs(self, path: str) -> bool:
        file = self.path / path
        return file.is_file() and self.git("hash-object", "--", path) != self.git("rev-parse", f":{path}")

    def ever_held(self, paths: Iterable[str]) -> set[str]:
        """The paths that some commit of the branch held or changed."""
        literal = [f":(literal,top){path}" for path in paths]
        if not literal:
            return set()
        listed = self.git("log", "--format=", "--name-only", "--no-renames", "-z", self.head, "--", *literal)
        return set(listed.split("\0"))


def open_repository(path: Path) -> LivingRepository:
    """Open the repository at `path` for an update.

    Raises:
        NotRendered: There is no answers file, or it is none.
        RefusedError: It is no git repository, or in a state in which an update could not be undone.
        GitError: git is missing.
    """
    git = _git_at(path)
    if not (git.folder / ANSWERS_FILE).is_file():
        raise NotRendered(path, _absence(git))
    _refuse_states(git)
    rendered = RenderedRepository(git.folder)
    _require_origin(git, rendered)
    return LivingRepository(git, git("rev-parse", "HEAD"), rendered)


def _require_origin(git: Git, rendered: RenderedRepository) -> None:
    """Refuse a repository whose answers file does not name the template and its version."""
    try:
        recorded = rendered.recorded
    except NotRendered as error:
        raise NotRendered(git.folder, f"{error.reason}; {_restoring(git)}") from error
    for key, value in {VERSION_KEY: recorded.version, ORIGIN_KEY: recorded.url}.items():
        if not value:
            raise NotRendered(git.folder, f"{ANSWERS_FILE} cannot be used, it has no {key}; {_restoring(git)}")


def _git_at(path: Path) -> Git:
    if not path.is_dir():
        raise RefusedError(f"{path} is no folder: name the repository to update.")
    git = Git(path.resolve())
    if not git.succeeds("rev-parse", "--is-inside-work-tree"):
        raise RefusedError(
            f"{path} is no git repository: an update compares with what is committed. "
            "Run: git init && git add --all && git commit -m 'As it is'."
        )
    if inside := git("rev-parse", "--show-prefix"):
        raise RefusedError(
            f"{path} is the folder {inside.rstrip('/')} of a git repository: name the repository itself."
        )
    return git


def _absence(git: Git) -> str:
    known = git.succeeds("rev-parse", "--verify", "--quiet", "HEAD") and git(
        "log", "-1", "--format=%h", "--diff-filter=AM", "--", ANSWERS_FILE
    )
    if known:
        return f"its {ANSWERS_FILE} was deleted; bring it back with git checkout {known} -- {ANSWERS_FILE}"
    return f"it has no {ANSWERS_FILE}"


def _restoring(git: Git) -> str:
    last = git("log", "-2", "--format=%h", "--", ANSWERS_FILE).split()
    return (
        f"bring back an earlier one, such as with git checkout {last[-1]} -- {ANSWERS_FILE}" if last else "restore it"
    )


def _refuse_states(git: Git) -> None:
    if not git.succeeds("rev-parse", "--verify", "--quiet", "HEAD"):
        raise RefusedError("Nothing is committed yet: run git add --all && git commit first.")
    if git("rev-parse", "--is-shallow-repository") == "true":
        raise RefusedError("The clone is shallow, so its past is unknown: run git fetch --unshallow first.")
    if not git.succeeds("symbolic-ref", "--quiet", "HEAD"):
        raise RefusedError("HEAD is detached, so the update would belong to no branch: run git switch BRANCH first.")
    if changed := _uncommitted(git):
        shown = ", ".join(changed[:_SHOWN]) + (" and more" if len(changed) > _SHOWN else "")
        raise RefusedError(
            f"There are changes that are not committed ({shown}): commit them, or put them aside with "
            "git stash --include-untracked."
        )


def _uncommitted(git: Git) -> list[str]:
    status = decoded(git.raw("status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=normal"))
    return [line[3:] for line in status.split("\0") if line]
