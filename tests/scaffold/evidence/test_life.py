"""Evidence of a real repository: it is tested and proven outside its tree, and every file says the same."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from scaffold.cli import app
from scaffold.evidence.tests import read_tests
from tests.servers.started import render_locked
from tests.support.combinations import VALUES
from tests.support.deployments import render_answers
from tests.support.evidence import commit, git, write_junit
from tests.template.test_matrix import RICHEST

pytestmark = [pytest.mark.evidence, pytest.mark.life, pytest.mark.network]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    _ = capsys.readouterr()
    status = app(["evidence", "--json", *arguments], standalone_mode=False)
    return status, json.loads(capsys.readouterr().out)


def test_results_of_the_largest_answer_set_are_judged_in_five_seconds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repository = render_answers(
        {**RICHEST, "compliance": [name for names in VALUES["compliance"] for name in names]}, tmp_path / "richest"
    )
    git(repository, "init", "--quiet")
    passed = {file: dict.fromkeys(tests, "passed") for file, tests in read_tests(repository).items()}
    write_junit(tmp_path, commit(repository), passed)

    began = time.process_time()
    run(capsys, str(repository), "--from", str(tmp_path))

    assert time.process_time() - began < 5


def test_a_rendered_repository_is_verified_by_what_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    repository = render_locked(tmp_path / "notes", "transport=stdio")

    status, document = run(capsys, str(repository))
    statuses = {control["id"]: control["status"] for control in document["controls"]}
    unverified = {control["id"] for control in document["controls"] if control["status"] != "verified"}
    outside = {
        control["id"]
        for control in document["controls"]
        if any(each["kind"] == "outside" for each in control["evidence"])
    }

    assert status == 0
    assert unverified == outside
    assert statuses["OPS-01"] == "verified"
    assert document["uncommitted"] is False
    assert git(repository, "status", "--porcelain") == ""

    status, verified = run(capsys, str(repository), "--verify", str(repository / "evidence/statement.json"))
    assert (status, verified["commit"]) == (0, git(repository, "rev-parse", "HEAD"))
