"""`security/controls/<subject>.yaml`: the controls of a rendered repository as its template states them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from scaffold import documents
from scaffold.errors import NotRendered, RefusedError

Requirement: TypeAlias = Mapping[str, Any]
"""What must stand in a file for a control to hold."""

OUTSIDE = "outside this repository"
"""Says of a control that a platform or a person verifies it."""

_FOLDER = "security/controls"
_FILE = re.compile(rf"{_FOLDER}(/[^/]+)?\.ya?ml")
"""A file of the catalogue; older templates render all of it as `security/controls.yaml`."""

_FIELDS: Mapping[str, tuple[type, str]] = {
    "id": (str, "text"),
    "statement": (str, "text"),
    "implemented": (list, "a list"),
    "verified": (list, "a list"),
    "requires": (list, "a list"),
    "satisfies": (dict, "lists of clauses by framework"),
}
_OPTIONAL = {"requires", "satisfies"}
_PLACES = {"file", "overlays", "absent"}
_RULES = {"absent", "field", "none", "commands", "line", "never", "calls", "defines", "marks"}
_CHOICES = {"kind", "name", "excepts", "within"}
_CONDITIONS = {"is", "like", "unlike", "holds", "only", "least", "if", "arguments", "passes"}


@dataclass(frozen=True)
class Control:
    """One claim.

    Attributes:
        implemented: Where it is implemented: `file` or `file:symbol`.
        verified: What verifies it: a file, or `OUTSIDE`.
        requires: What must stand in which file for the claim to hold; `structure` says in which words.
        satisfies: The clauses that it satisfies, by framework.
    """

    id: str
    statement: str
    implemented: tuple[str, ...]
    verified: tuple[str, ...]
    requires: tuple[Requirement, ...] = ()
    satisfies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def files(self) -> list[str]:
        """The files of its code and of its tests."""
        return [place.partition(":")[0] for place in (*self.implemented, *self.verified) if place != OUTSIDE]


def is_catalogue(path: str) -> bool:
    """Whether a file holds controls, by its path in the repository."""
    return _FILE.fullmatch(path) is not None


def read_catalogue(repository: Path) -> list[Control]:
    """Read the controls of a rendered repository.

    Raises:
        NotRendered: There are none.
        RefusedError: A file or a row cannot be read, or an id stands twice.
    """
    paths = (path.relative_to(repository).as_posix() for path in (repository / "security").rglob("*"))
    texts = {path: documents.read_text(repository / path) for path in paths if is_catalogue(path)}
    if not texts:
        raise NotRendered(repository, f"it has no {_FOLDER}")
    return parse_catalogue(texts)


def parse_catalogue(texts: Mapping[str, str]) -> list[Control]:
    """Read controls from the texts of their files, by path.

    Raises:
        RefusedError: A text or a row cannot be read, or an id stands twice.
    """
    controls: dict[str, Control] = {}
    rows: dict[str, str] = {}
    for path in sorted(texts):
        for number, row in enumerate(_rows(path, texts[path]), 1):
            place = f"{path}, row {number}"
            control = _control(row, place)
            if control.id in controls:
                raise RefusedError(
                    f"{place} has the id {control.id}, which {rows[control.id]} has too: keep one of them."
                )
            controls[control.id], rows[control.id] = control, place
    return list(controls.values())


def _rows(path: str, text: str) -> list[object]:
    try:
        rows = documents.parse(text)
    except ValueError as error:
        raise RefusedError(f"{path} cannot be read: it is {error}.") from error
    if not isinstance(rows, list) or not rows:
        raise RefusedError(f"{path} holds no list of controls: write a row for each, or delete the file.")
    return rows


def _control(row: object, place: str) -> Control:
    if not isinstance(row, dict):
        raise RefusedError(f"{place} is no control: a control has {', '.join(_FIELDS)}.")
    for problem in _problems(row):
        raise RefusedError(f"{place} ({row.get('id', 'without id')}) {problem}: correct the row.")
    return Control(
        row["id"],
        row["statement"],
        tuple(map(str, row["implemented"])),
        tuple(map(str, row["verified"])),
        tuple(row.get("requires", ())),
        {str(name): tuple(map(str, clauses)) for name, clauses in row.get("satisfies", {}).items()},
    )


def _problems(row: Mapping[str, Any]) -> Iterator[str]:
    """What keeps a row from being a control, in words that follow its place."""
    for name, (kind, words) in _FIELDS.items():
        if name not in row and name not in _OPTIONAL:
            yield f"lacks {name}"
        elif name in row and not isinstance(row[name], kind):
            yield f"needs {words} as {name}"
    yield from (f"has {name}, which is no field of a control" for name in row.keys() - _FIELDS.keys())
    for requirement in row.get("requires", ()):
        yield from _problems_of_requirement(requirement)
    for name, clauses in row.get("satisfies", {}).items():
        if not isinstance(clauses, list):
            yield f"needs a list of clauses for {name}"


def _problems_of_requirement(requirement: object) -> Iterator[str]:
    """What keeps a requirement from being checked: of one word that is misspelt, nothing would be."""
    if not isinstance(requirement, dict):
        yield f"requires {requirement!r}, which is no mapping"
        return
    words = requirement.keys()
    yield from (
        f"requires {word}, which check does not know" for word in words - (_PLACES | _RULES | _CHOICES | _CONDITIONS)
    )
    if not words & _PLACES:
        yield f"requires something without {', '.join(sorted(_PLACES))}"
    if not words & _RULES:
        yield f"requires nothing of {requirement.get('file', 'its overlays')}"
