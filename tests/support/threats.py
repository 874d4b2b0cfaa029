"""A rendered threat model, as its reader follows it: from each row to controls and what verifies them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from scaffold.controls import Control, read_catalogue
from tests.support.template import CHECKOUT

MODEL = "security/threat-model.md"
STRIDE = "STRIDE"
LISTS = ("owasp-mcp", "cosai-mcp", "nsa-mcp", "mcp-spec")
ENTRIES = [
    entry
    for name in LISTS
    for entry in (CHECKOUT / f"tests/frameworks/{name}.txt").read_text(encoding="utf-8").splitlines()
    if not entry.startswith("#")
]


def tables(text: str) -> dict[str, list[list[str]]]:
    """The rows of each table of a Markdown text, by its first heading's name."""
    found: dict[str, list[list[str]]] = {}
    rows: list[list[str]] = []
    for line in text.splitlines():
        if not line.startswith("|"):
            rows = []
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if rows or line.startswith("|---"):
            rows.append(cells)
        else:
            rows = found.setdefault(cells[0], [])
    return {name: [row for row in rows if not row[0].startswith("---")] for name, rows in found.items()}


def problems_of_threats(repository: Path, text: str | None = None) -> Iterator[str]:
    """What an auditor would ask about a threat model (that of the repository where no text is given)."""
    found = tables(text or (repository / MODEL).read_text(encoding="utf-8"))
    controls = {control.id: control for control in read_catalogue(repository)}
    threats, excused = found["id"], {where for where, _ in found["where"]}
    for threat in threats:
        yield from (f"{threat[0]} {problem}" for problem in _problems(threat, controls))
    for boundary, _, *cells in found["boundary"]:
        for letter, cell in zip(STRIDE, cells, strict=True):
            told = [row[0] for row in threats if letter in row[1] and boundary.strip("`") in row[2].split(", ")]
            if cell != (", ".join(told) or "none"):
                yield f"{letter} at {boundary} is {cell}, and the rows say {told}"
            if not told and f"{letter} at {boundary}" not in excused:
                yield f"{letter} at {boundary} raises no threat, and nothing says why"
    entries = {entry for row in threats for entry in row[4].split(", ")}
    untold = [entry for entry in ENTRIES if entry not in entries | excused]
    yield from (f"{entry} is no threat here, and nothing says why" for entry in untold)
    yield from (f"{entry} is an entry of no list" for entry in entries - set(ENTRIES))


def _problems(threat: list[str], controls: dict[str, Control]) -> Iterator[str]:
    if len(threat) != 7 or not all(threat):
        yield "has a cell too many, or one that says nothing"
        return
    named = [controls[name] for name in threat[5].split(", ") if name in controls]
    if len(named) != len(threat[5].split(", ")):
        yield "names a control that is not rendered"
    yield from (f"names {control.id}, which nothing verifies" for control in named if not control.verified)
    if not any(control.requires or re.match("tests/", " ".join(control.verified)) for control in named):
        yield "names only controls that are verified outside the repository"
