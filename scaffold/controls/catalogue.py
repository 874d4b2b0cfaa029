"""`security/controls.yaml`: the controls of a rendered repository as its template states them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from scaffold import documents
from scaffold.errors import NotRendered

Requirement: TypeAlias = Mapping[str, Any]
"""What must stand in a file for a control to hold."""

CATALOGUE = "security/controls.yaml"
OUTSIDE = "outside this repository"
"""Says of a control that a platform or a person verifies it."""


@dataclass(frozen=True)
class Control:
    """One claim.

    Attributes:
        implemented: Where it is implemented: `file` or `file:symbol`.
        verified: What verifies it: a file, or `OUTSIDE`.
        requires: What must stand in which file for the claim to hold; `structure` says in which words.
    """

    id: str
    statement: str
    implemented: tuple[str, ...]
    verified: tuple[str, ...]
    requires: tuple[Requirement, ...]

    def files(self) -> list[str]:
        """The files of its code and of its tests."""
        return [place.partition(":")[0] for place in (*self.implemented, *self.verified) if place != OUTSIDE]


def read_catalogue(repository: Path) -> list[Control]:
    """Read the controls of a rendered repository.

    Raises:
        NotRendered: There are none, or they cannot be read.
    """
    file = repository / CATALOGUE
    try:
        rows = documents.parse(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotRendered(repository, f"it has no {CATALOGUE}") from None
    except (OSError, ValueError) as error:
        raise NotRendered(repository, f"{CATALOGUE} cannot be read: {error}") from error
    if not isinstance(rows, list) or not rows:
        raise NotRendered(repository, f"{CATALOGUE} holds no controls")
    try:
        return [_control(row) for row in rows]
    except (KeyError, TypeError, ValueError) as error:
        raise NotRendered(repository, f"{CATALOGUE} holds a row without id, statement or place") from error


def _control(row: Mapping[str, Any]) -> Control:
    return Control(
        str(row["id"]),
        str(row["statement"]),
        tuple(str(place) for place in row["implemented"]),
        tuple(str(place) for place in row["verified"]),
        tuple(dict(requirement) for requirement in row.get("requires", ())),
    )
