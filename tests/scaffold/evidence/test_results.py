"""What results say of themselves: the seal of a proof, the commit of a repository, the marks of tests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scaffold.controls import marks
from scaffold.proof.report import ProofReport, is_sealed
from scaffold.rendered.revision import Revision
from tests.support import evidence as small


def test_a_proof_is_sealed_until_somebody_edits_it(tmp_path: Path) -> None:
    report = ProofReport("notes", "core", [], {}, commit="a" * 40, uncommitted=True)
    document = json.loads(report.write(tmp_path).read_text())

    assert (document["commit"], document["uncommitted"]) == ("a" * 40, True)
    assert is_sealed(document)
    assert is_sealed(json.loads(json.dumps(document, sort_keys=True)))
    assert not is_sealed(document | {"passed": True})
    assert not is_sealed({name: value for name, value in document.items() if name != "seal"})


def test_a_folder_inside_another_repository_is_of_no_commit(tmp_path: Path) -> None:
    small.git(tmp_path, "init", "--quiet")
    small.commit(tmp_path)
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner/.copier-answers.yml").write_text("{}")

    assert Revision.read(tmp_path / "inner") == Revision()


@pytest.mark.parametrize(
    "code, expected",
    [
        ("pytestmark = pytest.mark.control('A-1')\ndef test_x(): ...", {"test_x": {"A-1"}}),
        ("pytestmark = [pytest.mark.slow, mark.control('A-1', 'A-2')]\ndef test_x(): ...", {"test_x": {"A-1", "A-2"}}),
        ("secure = pytest.mark.control('A-1')\n@secure\nasync def test_x(): ...", {"test_x": {"A-1"}}),
        ("class TestX:\n pytestmark = mark.control('A-1')\n def test_y(self): ...", {"TestX.test_y": {"A-1"}}),
        ("if True:\n @mark.control('A-1')\n def test_x(): ...", {"test_x": {"A-1"}}),
        (
            "@fixture(params=[param(1, marks=mark.control('A-1'))])\ndef one(): ...\ndef test_x(): ...",
            {"test_x": {"A-1"}},
        ),
        ("@mark.other('A-1')\ndef test_x(): ...", {"test_x": set()}),
        ("@mark.control('A-1')\ndef helper(): ...", {}),
    ],
)
def test_marks_are_found_where_pytest_takes_them_from(code: str, expected: dict[str, set[str]]) -> None:
    assert marks.tests_of(code) == expected
