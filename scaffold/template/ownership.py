"""Managed or yours: the one table, which stands in `copier.yml` as `_skip_if_exists`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from pathspec import GitIgnoreSpec

from scaffold.template.declarations import read_declarations

Owner: TypeAlias = Literal["managed", "yours"]


@dataclass(frozen=True)
class OwnedFile:
    """A rendered file, by its path in the repository, and whose it is."""

    path: str
    owner: Owner


class Ownership:
    """Tells whose a file is: yours is written once, managed is merged by every update."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._yours = GitIgnoreSpec.from_lines(patterns)

    @classmethod
    def read(cls, folder: Path) -> Ownership:
        """Read the table from the template's questions."""
        patterns = read_declarations(folder / "copier.yml")["_skip_if_exists"]
        return cls(str(pattern) for pattern in patterns)

    def of(self, path: str) -> Owner:
        """Whose the file at `path` is, a path with slashes that is relative to the repository."""
        return "yours" if self._yours.match_file(path) else "managed"

    def files(self, repository: Path) -> list[OwnedFile]:
        """Every file of a rendered repository, in the order of their paths."""
        paths = sorted(path.relative_to(repository).as_posix() for path in repository.rglob("*") if path.is_file())
        return [OwnedFile(path, self.of(path)) for path in paths]
