"""What auditors are given: OSCAL that two libraries accept, and a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from scaffold.evidence.oscal import NAMESPACE, token
from scaffold.evidence.spreadsheet import COLUMNS
from tests.scaffold.evidence.conftest import Case
from tests.support import evidence as small
from tests.support.template import CHECKOUT

FILES = {"component-definition.json": "component-definition", "assessment-results.json": "assessment-results"}


@pytest.fixture
def written(case: Case) -> Path:
    small.write_junit(case.results, case.head, small.with_outcome("test_case[1]", "failed"))
    case.run()
    return case.written


def document_of(folder: Path, file: str) -> Any:
    return json.loads((folder / file).read_text())[FILES[file]]


def values(properties: list[dict[str, str]], name: str) -> list[str]:
    return [each["value"] for each in properties if each["name"] == name and each["ns"] == NAMESPACE]


def test_a_requirement_is_a_clause_and_names_its_controls(written: Path) -> None:
    [component] = document_of(written, "component-definition.json")["components"]
    [implementation] = component["control-implementations"]
    requirements = {each["control-id"]: each["props"] for each in implementation["implemented-requirements"]}

    assert requirements.keys() == {"CC6.1", "CC7.2", "CC4.1"}
    assert values(requirements["CC6.1"], "control") == ["LIM-01", "LIM-02"]
    assert values(requirements["CC6.1"], "clause") == ["CC6.1"]


def test_a_finding_has_the_clauses_status_and_what_was_observed_of_its_controls(written: Path) -> None:
    [result] = document_of(written, "assessment-results.json")["results"]
    states = {each["target"]["target-id"]: each["target"]["status"]["state"] for each in result["findings"]}
    observed = {values(each["props"], "control")[0]: values(each["props"], "status") for each in result["observations"]}
    known = {each["uuid"] for each in result["observations"]}

    assert states == {"CC6.1": "not-satisfied", "CC7.2": "not-satisfied", "CC4.1": "not-satisfied"}
    assert observed["LIM-02"] == ["failed"]
    assert observed["LIM-01"] == ["verified"]
    assert {
        each["observation-uuid"] for finding in result["findings"] for each in finding["related-observations"]
    } <= known


@pytest.mark.parametrize("file", FILES)
def test_two_libraries_accept_it_and_refuse_a_spoilt_one(written: Path, file: str) -> None:
    trestle = {
        "component-definition": ("component", "ComponentDefinition"),
        "assessment-results": ("assessment_results", "AssessmentResults"),
    }
    module, name = trestle[FILES[file]]
    model = getattr(pytest.importorskip(f"trestle.oscal.{module}"), name)
    reader = pytest.importorskip("oscal").OSCAL
    document = document_of(written, file)
    spoilt = json.loads(json.dumps(document).replace('"last-modified"', '"changed"'))

    model.parse_obj(document)
    with pytest.raises(ValueError, match="last-modified"):
        model.parse_obj(spoilt)
    assert reader.loads({FILES[file]: document}).validate()
    assert not reader.loads({FILES[file]: spoilt}).validate()


@pytest.mark.parametrize(
    "clause, expected",
    [
        ("CC6.1", "CC6.1"),
        ("164.308(a)(1)(ii)(A)", "_164.308.a.1.ii.A"),
        ("5(1)(c)", "_5.1.c"),
        ("AC-2(1)", "AC-2.1"),
        ("MCP01:2025", "MCP01_2025"),
        ("token-passthrough", "token-passthrough"),
    ],
)
def test_a_clause_is_written_as_a_token(clause: str, expected: str) -> None:
    assert token(clause) == expected


@pytest.mark.parametrize("file", sorted((CHECKOUT / "tests/frameworks").glob("*.txt")), ids=lambda file: file.stem)
def test_every_clause_of_a_framework_has_a_token_of_its_own(file: Path) -> None:
    clauses = [line for line in file.read_text().splitlines() if line and not line.startswith("#")]
    tokens = {token(clause) for clause in clauses}

    assert len(tokens) == len(clauses)
    assert [each for each in tokens if not re.fullmatch(r"[^\W\d][\w.-]*", each)] == []


def test_the_spreadsheet_has_a_row_a_control(written: Path, case: Case) -> None:
    rows = list(csv.DictReader(io.StringIO((written / "controls.csv").read_text())))
    by_id = {row["control"]: row for row in rows}

    assert tuple(rows[0]) == COLUMNS
    assert by_id["LIM-01"]["status"] == "verified"
    assert by_id["LIM-01"]["commit"] == case.head
    assert by_id["LIM-01"]["time"] == "2026-11-01T10:00:00+00:00"
    assert "test_limit" in by_id["LIM-01"]["evidence"]
    assert by_id["LIM-02"]["frameworks"] == "soc2 CC6.1; soc2 CC7.2"


def test_no_cell_of_the_spreadsheet_is_a_formula(case: Case) -> None:
    file = case.repository / "security/controls/all.yaml"
    rows = yaml.safe_load(file.read_text())
    rows[0]["statement"] = '=HYPERLINK("https://example.com")'
    file.write_text(yaml.safe_dump(rows))
    case.run()

    text = (case.written / "controls.csv").read_text()
    assert all(not cell.startswith("=") for row in csv.reader(io.StringIO(text)) for cell in row)
