"""The threat model of a rendered repository: what keeps it whole, and that its diagrams can be drawn."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scaffold.controls.test_check import REPOSITORIES
from tests.support import node
from tests.support.cache import cache_of
from tests.support.combinations import complete
from tests.support.deployments import render_answers
from tests.support.template import CHECKOUT
from tests.support.threats import MODEL, problems_of_threats

DIAGRAMS = CHECKOUT / "tests/diagrams"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render_answers(complete(REPOSITORIES["cluster"]), tmp_path_factory.mktemp("threats") / "repository")


@pytest.mark.parametrize(
    "pattern, instead, told",
    [
        (r"\| AUTH-10, AUTHZ-05, IN-07, OPS-08 \|", "| |", "T-04 has a cell"),
        (r"AUTH-10,", "AUTH-99,", "T-04 names a control that is not rendered"),
        (r"\| AUTH-10, AUTHZ-05, IN-07, OPS-08 \|", "| K8S-11 |", None),
        (r"(?m)^\| T-30 \|.*\n", "", "S at `records`"),
        (r"\| R at `issuer` .*\n", "", "R at `issuer` raises no threat, and nothing says why"),
        (r"\bscan-local\b", "scam-local", "scan-local-network-for-open-or-vulnerable-mcp-servers is no threat here"),
        (
            r"\bscan-local\b",
            "scam-local",
            "scam-local-network-for-open-or-vulnerable-mcp-servers is an entry of no list",
        ),
    ],
)
def test_what_is_missing_in_a_threat_model_is_seen(repository, pattern, instead, told):
    text = (repository / MODEL).read_text(encoding="utf-8")
    broken = re.sub(pattern, instead, text)
    assert broken != text
    problems = list(problems_of_threats(repository, broken))
    assert [problem for problem in problems if problem.startswith(told)] if told else not problems


def test_controls_that_only_people_verify_answer_no_threat_alone(repository):
    text = (repository / MODEL).read_text(encoding="utf-8")
    catalogue = repository / "security/controls/inputs.yaml"
    before = catalogue.read_text(encoding="utf-8")
    start, end = before.index("- id: IN-05"), before.index("- id: IN-06")
    row = re.sub(r"verified: .*", "verified: [outside this repository]", before[start:end])
    catalogue.write_text(before[:start] + row + before[end:], encoding="utf-8")
    problems = list(problems_of_threats(repository, re.sub(r"IN-01, IN-03, IN-05", "IN-05", text)))
    catalogue.write_text(before, encoding="utf-8")
    assert problems == ["T-07 names only controls that are verified outside the repository"]


def diagrams(repositories: list[Path]) -> Iterator[str]:
    for repository in repositories:
        yield from re.findall(r"```mermaid\n(.*?)```", (repository / MODEL).read_text(encoding="utf-8"), re.DOTALL)


def parse(texts: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Read diagrams as Mermaid does."""
    program = folder / "parse.mjs"
    program.write_bytes((DIAGRAMS / "parse.mjs").read_bytes())
    command = [node.find("node"), str(program)]
    return subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.clients
@pytest.mark.network
@pytest.mark.slow
@pytest.mark.xdist_group("diagrams")
def test_the_diagrams_can_be_drawn(repository, tmp_path, pytestconfig):
    folder = node.install(DIAGRAMS, cache_of(pytestconfig))
    others = [render_answers(complete(REPOSITORIES[name]), tmp_path / name) for name in ("stdio", "compose", "aws-ecs")]
    texts = list(diagrams([repository, *others]))
    assert len(texts) == 7
    done = parse(texts, folder)
    assert done.returncode == 0, done.stderr
    assert parse([texts[0].replace("-->", "--", 1)], folder).returncode == 1
