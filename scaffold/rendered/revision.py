"""Which commit a repository is at, and whether anything in it was changed since."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scaffold.git import Git, GitError
from scaffold.rendered.answers import ANSWERS_FILE


@dataclass(frozen=True)
class Revision:
    """Where a repository's files come from.

    Attributes:
        commit: The commit that is checked out; empty without git, or where the repository is in no commit yet.
        uncommitted: Whether files differ from it.
    """

    commit: str = ""
    uncommitted: bool = False

    @classmethod
    def read(cls, repository: Path, *, without: Path | None = None) -> Revision:
        """Ask git about a repository; changes below `without`, which a command writes, do not count."""
        git = Git(repository)
        inside = without is not None and without != repository and without.is_relative_to(repository)
        excluded = [f":(exclude){without.relative_to(repository).as_posix()}"] if without and inside else []
        try:
            if not git("ls-files", "--", ANSWERS_FILE):
                return cls()
            return cls(git("rev-parse", "HEAD"), bool(git("status", "--porcelain", "--", ".", *excluded)))
        except GitError:
            return cls()
