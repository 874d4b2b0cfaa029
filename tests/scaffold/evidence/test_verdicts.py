"""`mcp-scaffold evidence`: a control is green by what ran, at this commit, and by nothing else."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.scaffold.evidence.conftest import Case
from tests.support import evidence as small
from tests.support.evidence import commit, with_outcome, without, write_junit, write_proof, write_scan

RUNS = ("LIM-01", "LIM-02", "AUTH-01", "AUTH-02")


def statuses(document: dict[str, Any]) -> dict[str, str]:
    return {control["id"]: control["status"] for control in document["controls"]}


def reasons(document: dict[str, Any], control: str) -> str:
    return " ".join(next(each["reasons"] for each in document["controls"] if each["id"] == control))


def test_what_ran_at_this_commit_and_passed_is_verified(case: Case) -> None:
    write_junit(case.results, case.head)

    status, document = case.run()

    assert status == 0
    assert {control: each for control, each in statuses(document).items() if control in RUNS} == dict.fromkeys(
        RUNS, "verified"
    )
    assert document["commit"] == case.head
    assert document["uncommitted"] is False
    assert all(Path(file).is_file() for file in document["files"])


@pytest.mark.parametrize(
    "tests, control, status, reason",
    [
        (with_outcome("test_limit[2]", "failed"), "LIM-01", "failed", "assert 1 == 2"),
        (with_outcome("test_limit[1]", "skipped"), "LIM-01", "not verified", "was skipped: no Redis"),
        (without("TestTokens.test_signed"), "AUTH-01", "not verified", "did not run"),
        (with_outcome("TestTokens.test_fresh", "failed"), "AUTH-01", "failed", "assert"),
        (with_outcome("test_case[1]", "failed"), "LIM-02", "failed", "assert"),
    ],
)
def test_every_case_of_every_marked_test_counts(case: Case, tests: Any, control: str, status: str, reason: str) -> None:
    write_junit(case.results, case.head, tests)

    exit_status, document = case.run()

    assert statuses(document)[control] == status
    assert reason in reasons(document, control)
    assert exit_status == (4 if status == "failed" else 0)


def test_a_file_that_cannot_be_imported_fails_what_its_tests_verify(case: Case) -> None:
    file = write_junit(case.results, case.head, {})
    broken = '<testcase classname="" name="tests.test_limits"><error message="collection failure" /></testcase>'
    file.write_text(file.read_text().replace("</testsuite>", f"{broken}</testsuite>"))

    status, document = case.run()

    assert status == 4
    assert {statuses(document)[control] for control in RUNS} == {"failed"}


@pytest.mark.parametrize("text", ["0" * 40, "", None])
def test_results_of_another_or_of_no_commit_verify_nothing(case: Case, text: str | None) -> None:
    write_junit(case.results, text)

    status, document = case.run()

    assert status == 0
    assert {statuses(document)[control] for control in RUNS} == {"not verified"}
    assert "commit" in reasons(document, "LIM-01")
    assert any("junit.xml" in notice for notice in document["notices"])


def test_a_later_commit_makes_results_old(case: Case) -> None:
    write_junit(case.results, case.head)
    commit(case.repository)

    _, document = case.run()

    assert statuses(document)["LIM-01"] == "not verified"


def test_a_marked_test_that_is_gone_is_not_verified(case: Case) -> None:
    write_junit(case.results, case.head)
    file = case.repository / "tests/test_limits.py"
    file.write_text(file.read_text().replace('@pytest.mark.control("LIM-01")\n', ""))

    status, document = case.run()

    assert statuses(document)["LIM-01"] == "not verified"
    assert "no test is marked LIM-01" in reasons(document, "LIM-01")
    assert status == 0


MORE = '@pytest.mark.control("LIM-01")\ndef test_more():\n    pass\n'


@pytest.mark.parametrize("left", ["", "def test_more():\n    pass\n"], ids=["test", "mark"])
def test_one_of_several_marked_tests_that_is_gone_since_the_commit_is_missed(case: Case, left: str) -> None:
    file = case.repository / "tests/test_limits.py"
    file.write_text(f"{file.read_text()}\n\n{MORE}")
    commit(case.repository)
    tests = {"tests/test_limits.py": {**small.ALL["tests/test_limits.py"], "test_more": "passed"}}
    write_junit(case.results, case.head, tests)
    assert statuses(case.run()[1])["LIM-01"] == "verified"

    file.write_text(file.read_text().replace(MORE, left))
    _, document = case.run()

    assert statuses(document)["LIM-01"] == "not verified"
    assert "the commit has it" in reasons(document, "LIM-01")


def test_a_file_of_tests_that_is_no_python_fails_what_it_is_to_verify(case: Case) -> None:
    write_junit(case.results, case.head)
    (case.repository / "tests/test_limits.py").write_text("def test_limit(:\n")

    status, document = case.run()

    assert (status, statuses(document)["LIM-01"]) == (4, "failed")
    assert "cannot be read" in reasons(document, "LIM-01")


def test_results_of_a_test_that_is_not_there_are_named(case: Case) -> None:
    write_junit(case.results, case.head, {"tests/test_limits.py": {"test_other": "passed", "test_unmarked": "passed"}})

    assert any("tests/test_limits.py::test_other" in notice for notice in case.run()[1]["notices"])


def test_strict_fails_where_something_is_not_verified(case: Case) -> None:
    write_junit(case.results, case.head)

    assert case.run("--strict")[0] == 4


def test_nothing_is_green_without_results(case: Case) -> None:
    status, document = case.run()

    assert status == 0
    assert {statuses(document)[control] for control in RUNS} == {"not verified"}


def test_structure_verifies_what_no_test_can_and_is_named_so(case: Case) -> None:
    _, document = case.run()
    [image] = [each for each in document["controls"] if each["id"] == "IMG-01"]

    assert image["status"] == "verified"
    assert {each["kind"] for each in image["evidence"]} == {"structure"}


@pytest.mark.parametrize("file", ["Dockerfile", ".ci.yml"])
def test_what_check_finds_fails_the_control(case: Case, file: str) -> None:
    (case.repository / file).write_text("FROM scratch\n")

    status, document = case.run()

    assert (status, statuses(document)["IMG-01"]) == (4, "failed")


def test_a_row_that_is_gone_fails_the_control_that_tests_still_name(case: Case) -> None:
    file = case.repository / "security/controls/all.yaml"
    rows = [row for row in yaml.safe_load(file.read_text()) if row["id"] != "AUTH-02"]
    file.write_text(yaml.safe_dump(rows))

    status, document = case.run()

    assert (status, statuses(document)["AUTH-02"]) == (4, "failed")


@pytest.mark.parametrize("level, status", [("error", "failed"), ("warning", "verified")])
def test_a_scan_takes_back_what_structure_shows(case: Case, level: str, status: str) -> None:
    write_junit(case.results, case.head)
    write_scan(case.results, "Dockerfile", level)

    assert statuses(case.run()[1])["IMG-01"] == status


def test_what_is_outside_is_never_green(case: Case) -> None:
    assert statuses(case.run()[1])["GOV-01"] == "not verified"


TODAY = dt.datetime.now(dt.UTC).date()


@pytest.mark.parametrize(
    "dates, status",
    [
        ([], "not verified"),
        ([-10], "verified"),
        ([-200, -10], "verified"),
        ([-91], "not verified"),
        ([2], "not verified"),
    ],
)
def test_a_procedure_is_verified_by_its_log_until_it_is_due(case: Case, dates: list[int], status: str) -> None:
    rows = [{"procedure": "review", "date": TODAY + dt.timedelta(days=days), "by": "A", "note": ""} for days in dates]
    (case.repository / "security/procedures-log.yaml").write_text(yaml.safe_dump(rows))

    _, document = case.run()

    assert statuses(document)["GOV-02"] == status
    assert document["frameworks"]["soc2"]["CC4.1"] == status


def test_a_clause_has_the_worst_status_of_its_controls_or_is_the_owners(case: Case) -> None:
    write_junit(case.results, case.head, with_outcome("test_case[1]", "failed"))

    _, document = case.run()

    assert document["frameworks"]["soc2"] == {
        "CC6.1": "failed",
        "CC7.2": "failed",
        "CC4.1": "not verified",
        "CC1.1": "owner",
        "P1.1": "not-applicable",
    }


@pytest.mark.parametrize(
    "status_of_probe, changed, status, reason",
    [
        ("passed", {}, "verified", ""),
        ("failed", {}, "failed", "failed: seen"),
        ("skipped", {}, "verified", ""),
        ("passed", {"tier": "full"}, "not verified", "proof.json was edited"),
        ("passed", {"commit": ""}, "not verified", "proof.json was edited"),
    ],
)
def test_a_probe_counts_for_the_control_that_it_names_while_its_proof_is_sealed(
    case: Case, status_of_probe: str, changed: Any, status: str, reason: str
) -> None:
    write_junit(case.results, case.head)
    write_proof(case.results, case.head, [("tokens.signed", "AUTH-01", status_of_probe)], **changed)

    _, document = case.run()

    assert statuses(document)["AUTH-01"] == status
    assert reason in reasons(document, "AUTH-01")
    assert statuses(document)["LIM-01"] == "verified"


def test_a_proof_of_another_commit_verifies_nothing(case: Case) -> None:
    write_junit(case.results, case.head)
    write_proof(case.results, "0" * 40, [("tokens.signed", "AUTH-01", "passed")])

    assert statuses(case.run()[1])["AUTH-01"] == "not verified"


def test_uncommitted_changes_are_recorded(case: Case) -> None:
    write_junit(case.results, case.head)
    (case.repository / "code.py").write_text(f"{small.CODE}# changed\n")

    _, document = case.run()

    assert document["uncommitted"] is True
    assert any("uncommitted" in notice for notice in document["notices"])


def test_results_with_uncommitted_changes_are_recorded_as_such(case: Case) -> None:
    write_junit(case.results, case.head, uncommitted=True)

    assert case.run()[1]["uncommitted"] is True


def test_what_it_writes_is_no_uncommitted_change(case: Case) -> None:
    write_junit(case.results, case.head)
    case.run("-o", str(case.repository / "audit"))

    assert case.run("-o", str(case.repository / "audit"))[1]["uncommitted"] is False


def test_without_git_nothing_that_ran_is_bound_to_a_commit(case: Case) -> None:
    write_junit(case.results, "")
    shutil.rmtree(case.repository / ".git")

    _, document = case.run()

    assert document["commit"] == ""
    assert statuses(document)["LIM-01"] == "not verified"
