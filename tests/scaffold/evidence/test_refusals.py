"""What evidence cannot use is refused with one sentence and status 2, and nothing is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from scaffold.commands.evidence import Request, evidence
from scaffold.errors import RefusedError
from scaffold.evidence.frameworks import KNOWN
from tests.support import evidence as small
from tests.support.template import CHECKOUT


def _other_tests(repository: Path, results: Path) -> None:
    small.write_junit(results, "0" * 40, {"tests/test_other.py": {"test_x": "passed"}})


def _no_xml(repository: Path, results: Path) -> None:
    (results / "junit.xml").write_text("<testsuites>")


def _another_xml(repository: Path, results: Path) -> None:
    (results / "junit.xml").write_text("<html></html>")


def _entities(repository: Path, results: Path) -> None:
    (results / "junit.xml").write_text('<!DOCTYPE x [<!ENTITY a "a">]><testsuites>&a;</testsuites>')


def _no_text(repository: Path, results: Path) -> None:
    (results / "junit.xml").write_bytes(b"\xff\xfe\x00")


def _no_json(repository: Path, results: Path) -> None:
    (results / "proof.json").write_text("{")


def _no_proof(repository: Path, results: Path) -> None:
    (results / "proof.json").write_text("[]")


def _no_sarif(repository: Path, results: Path) -> None:
    (results / "scan.sarif").write_text("{}")


def _no_digest(repository: Path, results: Path) -> None:
    (results / "image-digest").write_text("latest\n")


def _unknown_framework(repository: Path, results: Path) -> None:
    _change_row(repository, satisfies={"soc3": ["CC6.1"]})


def _framework_of_nobody(repository: Path, results: Path) -> None:
    (repository / "security/frameworks/soc3.yaml").write_text(yaml.safe_dump(small.CLAUSES))


def _unknown_clause(repository: Path, results: Path) -> None:
    _change_row(repository, satisfies={"soc2": ["CC99.9"]})


def _chosen_framework_gone(repository: Path, results: Path) -> None:
    _change_row(repository, satisfies={})
    (repository / "security/frameworks/gdpr.yaml").write_text(yaml.safe_dump(small.CLAUSES))
    (repository / "security/frameworks/soc2.yaml").unlink()


def _unknown_state(repository: Path, results: Path) -> None:
    file = repository / "security/frameworks/soc2.yaml"
    file.write_text(file.read_text().replace("state: owner", "state: someone"))


def _no_answers(repository: Path, results: Path) -> None:
    (repository / ".copier-answers.yml").unlink()


def _no_controls(repository: Path, results: Path) -> None:
    (repository / "security/controls/all.yaml").unlink()


def _no_results(repository: Path, results: Path) -> None:
    results.rmdir()


def _change_row(repository: Path, **changed: object) -> None:
    file = repository / "security/controls/all.yaml"
    rows = yaml.safe_load(file.read_text())
    for row in rows:
        row.pop("satisfies", None)
    rows[0] |= changed
    file.write_text(yaml.safe_dump(rows))


CASES: dict[Callable[[Path, Path], None], str] = {
    _other_tests: "has results of other tests",
    _no_xml: "is no XML",
    _another_xml: "no report of tests",
    _entities: "declares a document type",
    _no_text: "not UTF-8",
    _no_json: "is no JSON",
    _no_proof: "is no proof",
    _no_sarif: "is no SARIF",
    _no_digest: "holds no digest",
    _unknown_framework: "unknown framework soc3",
    _framework_of_nobody: "unknown framework",
    _unknown_clause: "satisfies CC99.9",
    _chosen_framework_gone: "choose the framework soc2",
    _unknown_state: "is no clause",
    _no_answers: "no repository that mcp-scaffold rendered",
    _no_controls: "has no security/controls",
    _no_results: "is no folder",
}


@pytest.mark.parametrize("spoil", CASES, ids=lambda spoil: spoil.__name__)
def test_it_is_refused_with_one_sentence(tmp_path: Path, spoil: Callable[[Path, Path], None]) -> None:
    repository, results = small.make_repository(tmp_path / "small"), tmp_path / "results"
    results.mkdir()
    spoil(repository, results)
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(RefusedError) as refused:
        evidence(Request(repository, output=None, results=results, strict=False, json=True))

    assert CASES[spoil] in str(refused.value)
    assert "\n" not in str(refused.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_the_known_frameworks_are_those_that_the_template_renders() -> None:
    rendered = (CHECKOUT / "template/security/frameworks").glob("*.yaml.jinja")
    assert {path.name.removesuffix(".yaml.jinja") for path in rendered} == KNOWN


def test_a_file_in_place_of_the_folder_is_refused_and_stays(tmp_path: Path) -> None:
    repository, results = small.make_repository(tmp_path / "small"), tmp_path / "results"
    results.mkdir()
    taken = tmp_path / "taken"
    taken.write_text("mine")

    with pytest.raises(RefusedError, match="is a file"):
        evidence(Request(repository, output=taken, results=results, strict=False, json=True))
    assert taken.read_text() == "mine"


def test_the_repository_itself_is_no_place_for_evidence(tmp_path: Path) -> None:
    repository = small.make_repository(tmp_path / "small")

    with pytest.raises(RefusedError, match="holds the repository itself"):
        evidence(Request(repository, output=repository, results=tmp_path, strict=False, json=True))


def test_other_files_of_the_folder_stay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    repository, results, output = small.make_repository(tmp_path / "small"), tmp_path / "results", tmp_path / "audit"
    results.mkdir()
    output.mkdir()
    (output / "notes.txt").write_text("mine")

    evidence(Request(repository, output=output, results=results, strict=False, json=True))

    assert (output / "notes.txt").read_text() == "mine"
    assert {Path(file).name for file in json.loads(capsys.readouterr().out)["files"]} <= {
        path.name for path in output.iterdir()
    }
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".audit")]
