# Managed by the template; updates merge into this file.
"""The catalogue of controls names code and tests that exist, and every marked test proves a control that is listed."""

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent.parent
SUBJECTS: dict[str, list[dict[str, Any]]] = {
    file.stem: YAML(typ="safe").load(file.read_text(encoding="utf-8"))
    for file in sorted((ROOT / "security" / "controls").glob("*.yaml"))
}
CONTROLS = [control for controls in SUBJECTS.values() for control in controls]
MARKERS = {
    marker
    for file in (ROOT / "tests").rglob("test_*.py")
    for marks in re.findall(r"mark\.control\(([^)]+)\)", file.read_text(encoding="utf-8"))
    for marker in re.findall(r'"([A-Z0-9-]+)"', marks)
}


def test_every_id_stands_once() -> None:
    assert len({control["id"] for control in CONTROLS}) == len(CONTROLS)


def test_every_file_holds_one_family_and_all_of_it() -> None:
    families = {subject: {control["id"].rpartition("-")[0] for control in SUBJECTS[subject]} for subject in SUBJECTS}
    assert [subject for subject, names in families.items() if len(names) != 1] == []
    assert len(set.union(*families.values())) == len(SUBJECTS)


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control["id"])
def test_the_code_of_a_control_exists(control: dict[str, Any]) -> None:
    for place in control["implemented"]:
        file, _, symbol = place.partition(":")
        if file.endswith("notes.py") and not (ROOT / file).exists():
            continue  # the example is yours to delete
        assert (ROOT / file).exists(), place
        for name in filter(None, symbol.split(".")):
            assert re.search(rf"\b{name}\b", (ROOT / file).read_text(encoding="utf-8")), place


def test_every_marked_test_proves_a_listed_control() -> None:
    assert not MARKERS - {control["id"] for control in CONTROLS}


def test_every_control_with_tests_of_the_runtime_is_proven_by_one() -> None:
    claimed = {
        control["id"] for control in CONTROLS if any(place.startswith("tests/runtime") for place in control["verified"])
    }
    assert not claimed - MARKERS


def test_every_threat_is_answered_by_controls_that_are_verified() -> None:
    verified = {control["id"] for control in CONTROLS if control["verified"]}
    texts = [file.read_text(encoding="utf-8") for file in (ROOT / "security").glob("threat*.md")]
    rows = [row.split("|") for text in texts for row in re.findall(r"^\| *[A-Z]+-\d+ *\|.*", text, re.MULTILINE)]
    answers = {row[1].strip(): re.findall(r"[^ ,]+", row[6] if len(row) == 9 else "") for row in rows}
    assert [threat for threat, controls in answers.items() if not controls or set(controls) - verified] == []
