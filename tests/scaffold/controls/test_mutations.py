"""What takes a control back while its structure stays is seen: the rows of mutations are made one by one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from scaffold.controls import find_regressions, read_catalogue
from tests.scaffold.controls.test_check import REPOSITORIES
from tests.support.combinations import complete
from tests.support.deployments import find_tool, render_answers
from tests.support.template import CHECKOUT

Row = dict[str, Any]
TESTS = CHECKOUT / "tests"
ROWS: list[Row] = [
    # A target's own are made in its repository.
    {"in": file.parent.name, **row}
    for file in sorted([*TESTS.glob("mutations/*.yml"), *TESTS.glob("targets/*/mutations.yml")])
    if file.stem != "runtime"  # `check` does not see those: test_behaviour.py
    for row in yaml.safe_load(file.read_text(encoding="utf-8"))
]


def mutated(text: str, row: Row) -> str:
    """The text of a file after the edit of a row."""
    if "replace" in row:
        old, new = row["replace"]
        assert old in text, f"{row['file']} has no {old!r}"
        return text.replace(old, new, 1)
    return str(row["write"]) if "write" in row else f"{text}{row['append']}"


@contextmanager
def mutation(repository: Path, row: Row) -> Iterator[None]:
    """The repository with a row's edit, for a while."""
    file = repository / row["file"]
    before = file.read_bytes() if file.exists() else None
    file.write_text(mutated(before.decode() if before else "", row), encoding="utf-8")
    try:
        yield
    finally:
        if before is None:
            file.unlink()
        else:
            file.write_bytes(before)


@pytest.mark.parametrize("name", sorted({row["in"] for row in ROWS}))
def test_no_mutation_survives(name, tmp_path):
    if REPOSITORIES[name].get("deployment") == "kubernetes":
        find_tool("kubectl")
    repository = render_answers(complete(REPOSITORIES[name]), tmp_path / "repository")
    (repository / "uv.lock").touch()
    controls = {control.id: control for control in read_catalogue(repository)}
    survivors = []
    for row in (row for row in ROWS if row["in"] == name):
        with mutation(repository, row):
            report = find_regressions(repository, [controls[row["control"]]], deletable=frozenset())
        assert not [found for found in report.findings if "cannot be" in found.problem], row
        if not report.findings:
            survivors.append((row["control"], row["file"], row.get("replace") or row.get("append") or row["write"]))
    assert survivors == []


def test_each_control_of_infrastructure_has_a_mutation(tmp_path):
    missing = defaultdict(list)
    mutated_controls = {(row["in"], row["control"]) for row in ROWS}
    for name, answers in REPOSITORIES.items():
        repository = render_answers(complete(answers), tmp_path / name)
        for control in read_catalogue(repository):
            if not control.id.startswith(INFRASTRUCTURE) or not control.requires:
                continue
            if not any(row_control == control.id for _, row_control in mutated_controls):
                missing[control.id].append(name)
    assert dict(missing) == {}


INFRASTRUCTURE = ("K8S-", "NET-2", "LIM-2", "IAC-", "IMG-", "COMP-", "SUP-", "GOV-")
