"""`security/frameworks/<name>.yaml`: the clauses of a framework, and who answers each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scaffold import documents
from scaffold.controls import Control
from scaffold.errors import RefusedError

FOLDER = "security/frameworks"
_MANAGED = "Managed by the template"
KNOWN = frozenset(
    {
        *("cis-docker", "cis-kubernetes", "cosai-mcp", "fedramp-moderate", "gdpr", "hipaa", "iso-27001", "mcp-spec"),
        *("nsa-mcp", "owasp-mcp", "pci-dss", "slsa", "soc2", "sox"),
    }
)
"""The frameworks that the template renders; one of a repository's own is known by the controls that satisfy it."""
STATES = ("controls", "owner", "not-applicable")


@dataclass(frozen=True)
class Clause:
    """A clause.

    Attributes:
        state: `controls` where controls answer it, else `owner` or `not-applicable`.
        note: What the owner has to do, or why it does not apply; of a clause that controls answer, what remains.
    """

    id: str
    title: str
    state: str
    note: str


Frameworks = Mapping[str, tuple[Clause, ...]]


def read_frameworks(repository: Path, controls: Sequence[Control], chosen: Iterable[str]) -> Frameworks:
    """Read the frameworks of a repository, by name.

    Raises:
        RefusedError: A file or a row cannot be read, or something names a framework or a clause that has no row.
    """
    folder = repository / FOLDER
    # Older templates rendered none.
    chosen = chosen if folder.is_dir() else ()
    frameworks = {path.stem: _read(path, f"{FOLDER}/{path.name}") for path in sorted(folder.glob("*.yaml"))}
    used = {name for control in controls for name in control.satisfies}
    for name in frameworks.keys() - used - KNOWN:
        raise RefusedError(f"{FOLDER}/{name}.yaml is of an unknown framework, which no control satisfies: delete it.")
    for name in chosen:
        if name not in frameworks:
            raise RefusedError(
                f"The answers choose the framework {name}, and there is no {FOLDER}/{name}.yaml: restore it from git."
            )
    for control in controls:
        for name, clauses in control.satisfies.items():
            _require_known(control.id, name, clauses, frameworks)
    return frameworks


def describe(repository: Path, name: str) -> str:
    """What the head of a framework's file says: its edition, its source, and what could not be checked."""
    words: list[str] = []
    for line in (repository / FOLDER / f"{name}.yaml").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        words += [] if _MANAGED in line else line.lstrip("# ").split()
    return " ".join(words)


def _require_known(control: str, name: str, clauses: Iterable[str], frameworks: Frameworks) -> None:
    if name not in frameworks:
        raise RefusedError(
            f"{control} satisfies the unknown framework {name}: correct its row, or write {FOLDER}/{name}.yaml."
        )
    rows = {clause.id for clause in frameworks[name]}
    for clause in clauses:
        if clause not in rows:
            raise RefusedError(
                f"{control} satisfies {clause}, of which {FOLDER}/{name}.yaml has no row: correct one of them."
            )


def _read(path: Path, name: str) -> tuple[Clause, ...]:
    rows = documents.read(path)
    if not isinstance(rows, list) or not rows:
        raise RefusedError(f"{name} holds no list of clauses: restore it from git.")
    return tuple(_clause(row, f"{name}, row {number}") for number, row in enumerate(rows, 1))


def _clause(row: object, place: str) -> Clause:
    if not isinstance(row, dict) or not row.keys() >= {"clause", "title", "state"} or row["state"] not in STATES:
        raise RefusedError(f"{place} is no clause: write clause, title, a state of {', '.join(STATES)}, and a note.")
    return Clause(str(row["clause"]), str(row["title"]), str(row["state"]), str(row.get("note") or ""))
