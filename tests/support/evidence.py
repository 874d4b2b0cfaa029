"""A small repository with controls, tests and frameworks, and results of them, written rather than run."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import yaml

from scaffold.proof.report import digest

CODE = "def limit() -> int:\n    return 3\n"
TESTS = """\
import pytest

cases = [pytest.param(1, marks=pytest.mark.control("LIM-02"))]


@pytest.mark.control("LIM-01")
@pytest.mark.parametrize("count", [1, 2])
def test_limit(count):
    pass


@pytest.mark.control("AUTH-01")
class TestTokens:
    def test_signed(self):
        pass

    @pytest.mark.control("AUTH-02")
    def test_fresh(self):
        pass


@pytest.mark.parametrize("case", cases)
def test_case(case):
    pass


def test_unmarked():
    pass
"""
ALL = {
    "tests/test_limits.py": {
        "test_limit[1]": "passed",
        "test_limit[2]": "passed",
        "TestTokens.test_signed": "passed",
        "TestTokens.test_fresh": "passed",
        "test_case[1]": "passed",
        "test_unmarked": "passed",
    }
}
CONTROLS: list[dict[str, Any]] = [
    {"id": "LIM-01", "verified": ["tests/test_limits.py"], "satisfies": {"soc2": ["CC6.1"]}},
    {"id": "LIM-02", "verified": ["tests/test_limits.py"], "satisfies": {"soc2": ["CC6.1", "CC7.2"]}},
    {"id": "AUTH-01", "verified": ["tests/test_limits.py"], "satisfies": {"soc2": ["CC7.2"]}},
    {"id": "AUTH-02", "verified": ["tests/test_limits.py"]},
    {
        "id": "IMG-01",
        "implemented": ["Dockerfile"],
        "verified": [".ci.yml"],
        "requires": [{"file": "Dockerfile", "line": "USER 65532"}, {"file": ".ci.yml", "line": "{}"}],
    },
    {"id": "GOV-01", "verified": ["outside this repository"]},
    {"id": "GOV-02", "verified": ["security/procedures.yaml:review"], "satisfies": {"soc2": ["CC4.1"]}},
]
CLAUSES = [
    {"clause": "CC6.1", "title": "Access is limited", "state": "controls", "note": "Name the owners of accounts."},
    {"clause": "CC7.2", "title": "Anomalies are seen", "state": "controls", "note": ""},
    {"clause": "CC4.1", "title": "Controls are reviewed", "state": "controls", "note": ""},
    {"clause": "CC1.1", "title": "Integrity is shown", "state": "owner", "note": "Write and sign a code of conduct."},
    {"clause": "P1.1", "title": "Notice is given", "state": "not-applicable", "note": "No person is asked."},
]
PROCEDURE = {"id": "review", "title": "Review", "owner": "Operations", "cadence_days": 90, "steps": ["Look."]}


def make_repository(path: Path) -> Path:
    """A repository whose structure holds, in one commit."""
    texts = {
        ".copier-answers.yml": "_commit: v1.0.0\nproject_slug: small\ncompliance: [soc2]\nproject_name: Small <b>\n",
        ".gitignore": "/evidence/\n/proof.json\n",
        "code.py": CODE,
        "Dockerfile": "FROM scratch\nUSER 65532\n",
        ".ci.yml": "{}\n",
        "tools.lock.json": "{}\n",
        "tests/test_limits.py": TESTS,
        "security/controls/all.yaml": yaml.safe_dump([_row(control) for control in CONTROLS], sort_keys=False),
        "security/frameworks/soc2.yaml": yaml.safe_dump(CLAUSES, sort_keys=False),
        "security/procedures.yaml": yaml.safe_dump([PROCEDURE]),
        "security/procedures-log.yaml": "[]\n",
    }
    for name, text in texts.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    git(path, "init", "--quiet")
    commit(path)
    return path


def _row(control: dict[str, Any]) -> dict[str, Any]:
    return {"statement": f"{control['id']} holds.", "implemented": ["code.py:limit"], **control}


def git(path: Path, *arguments: str) -> str:
    """Run git as nobody in particular."""
    identity = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *identity, *arguments], cwd=path, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(path: Path) -> str:
    """Commit all that is there, and return the commit."""
    git(path, "add", "--all")
    git(path, "commit", "--quiet", "--allow-empty", "--message", "Change")
    return git(path, "rev-parse", "HEAD")


def write_junit(
    folder: Path, head: str | None, results: Mapping[str, Mapping[str, str]] = ALL, *, uncommitted: bool = False
) -> Path:
    """Write `junit.xml` as pytest writes it; without `head` its suite has no properties."""
    folder.mkdir(parents=True, exist_ok=True)
    properties = "" if head is None else _properties(commit=head, uncommitted=str(uncommitted).lower())
    cases = "".join(_case(file, name, each) for file, names in results.items() for name, each in names.items())
    suite = f'<testsuite name="pytest" timestamp="2026-11-01T10:00:00+00:00">{properties}{cases}</testsuite>'
    file = folder / "junit.xml"
    file.write_text(f'<?xml version="1.0" encoding="utf-8"?><testsuites>{suite}</testsuites>')
    return file


def _properties(**values: str) -> str:
    each = "".join(f'<property name="{name}" value={quoteattr(value)} />' for name, value in values.items())
    return f"<properties>{each}</properties>"


def _case(file: str, name: str, outcome: str) -> str:
    scope, _, test = name.rpartition(".") if "[" not in name else ("", "", name)
    dotted = ".".join(filter(None, [file.removesuffix(".py").replace("/", "."), scope]))
    inner = {"failed": '<failure message="assert 1 == 2" />', "skipped": '<skipped message="no Redis" />'}
    return f'<testcase classname="{dotted}" name={quoteattr(test)}>{inner.get(outcome, "")}</testcase>'


def without(name: str) -> dict[str, dict[str, str]]:
    """All results but those of one test."""
    return {file: {test: each for test, each in names.items() if test != name} for file, names in ALL.items()}


def with_outcome(name: str, outcome: str) -> dict[str, dict[str, str]]:
    """All results, one of them another."""
    return {file: {**names, name: outcome} for file, names in ALL.items()}


def write_proof(folder: Path, head: str, probes: Sequence[tuple[str, str, str]], **changed: object) -> Path:
    """Write `proof.json` of some probes (id, control, status), sealed; what is changed is changed after that."""
    folder.mkdir(parents=True, exist_ok=True)
    document: dict[str, Any] = {
        "format": 1,
        "commit": head,
        "uncommitted": False,
        "started": "2026-11-01T10:05:00+00:00",
        "probes": [
            {"id": name, "control": control, "status": status, "observation": "seen"}
            for name, control, status in probes
        ],
    }
    document["seal"] = digest(document)
    file = folder / "proof.json"
    file.write_text(json.dumps(document | changed))
    return file


def write_scan(folder: Path, file: str, level: str) -> Path:
    """Write a SARIF report of one result."""
    place = {"physicalLocation": {"artifactLocation": {"uri": file}, "region": {"startLine": 2}}}
    result = {"ruleId": "DS002", "level": level, "message": {"text": "x"}, "locations": [place]}
    report = {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "trivy"}}, "results": [result]}]}
    path = folder / "image.sarif"
    path.write_text(json.dumps(report))
    return path
