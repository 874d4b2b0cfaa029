"""`mcp-scaffold check`: what a repository needs for each control is missed as soon as it is gone."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
import yaml

from scaffold.commands.check import check
from scaffold.controls import find_regressions, find_unlisted, read_catalogue
from scaffold.controls.catalogue import parse_catalogue
from scaffold.errors import NotRendered, RefusedError
from tests.support.combinations import complete
from tests.support.deployments import find_tool, render_answers
from tests.support.rows import TARGETS
from tests.support.template import CHECKOUT

OAUTH = {"auth_provider": "oidc", "transport": "both", "telemetry": "both", "replica_state": "redis"}
BY_TERRAFORM = [name for name, row in TARGETS.items() if row["kind"] == "terraform"]
REPOSITORIES: dict[str, dict[str, Any]] = {
    "cluster": OAUTH
    | {"deployment": "kubernetes", "ci": "github", "compliance": ["hipaa"]}
    | {"gateway_controller": "envoy-gateway", "service_mesh": "linkerd"},
    "istio": OAUTH | {"deployment": "kubernetes", "ci": "none", "gateway_controller": "istio", "service_mesh": "istio"},
    "compose": OAUTH | {"deployment": "compose", "ci": "gitlab"},
    "stdio": {"transport": "stdio", "ci": "github"},
    **{
        name: OAUTH | {"deployment": name, "ci": ci, "compliance": ["soc2"]}
        for name, ci in zip(BY_TERRAFORM, cycle(("github", "gitlab")), strict=False)
    },
}
# A line that each pattern forbids, by a word of the pattern.
FORBIDDEN = {
    "uv sync": "RUN uv sync",
    "syntax": "# syntax=registry.example.com/frontend:1",
    "--from=": "COPY --from=registry.example.com/helper:1 /bin/sh /bin/sh",
    "MCP_TOOLS": "ENV MCP_TOOLS_LOCKED=false",
    "MCP_ENVIRONMENT": "ENV MCP_ENVIRONMENT=development",
    "env": "!.env",
    "FROM ": "FROM python:3.13",
    "uses": "      - uses: actions/checkout@v7",
    "- name|image": "  image: python:3.13",
    "127": "      - 8000:8000",
    " +image": "          image: registry.example.com/notes:latest",
    "secret(KeyRef": "            - secretRef:",
    "PathPrefix": "            type: PathPrefix",
    "version": '      version = ">= 5.0"',
    "ip_protocol": '  ip_protocol = "-1"',
    "OKP": '    **dict.fromkeys(("EdDSA",), "OKP"),',
    "HS": '    "HS256": "oct",',
    "REDIS_URL": "      MCP_REDIS_URL: rediss://user:password@example.com",
}
FAMILIES = ("AUTH", "AUTHZ", "NET", "IN", "OUT", "LIM", "AUD", "SUP", "TOOL", "IMG", "COMP", "IAC", "K8S", "GOV", "OPS")


@pytest.fixture(scope="module")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Each repository as it is rendered, with an empty lock."""
    rendered: dict[str, Path] = {}

    def find(name: str) -> Path:
        if name not in rendered:
            rendered[name] = render_answers(complete(REPOSITORIES[name]), tmp_path_factory.mktemp(name) / "repository")
            (rendered[name] / "uv.lock").touch()
        return rendered[name]

    return find


def checked(repository: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[dict[str, Any]]]:
    """The exit status and the findings."""
    status = check(repository, json=True)
    findings: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["findings"]
    return status, findings


@pytest.mark.parametrize("name", REPOSITORIES)
def test_what_was_rendered_holds(name, repositories, capsys):
    assert checked(repositories(name), capsys) == (0, [])


def is_of_one_file(requirement: Mapping[str, Any]) -> bool:
    """Whether a requirement is of a file as it stands, and is missed when its words are removed there."""
    read = {"absent", "overlays", "kind", "commands", "none"} & requirement.keys() or "*" in requirement.get("file", "")
    path = requirement.get("field", ["a"])
    return not read and not any(step.endswith("?") for step in path) and path[-1] != "*" and "=" not in path[-1]


def without(text: str, requirement: Mapping[str, Any]) -> str:
    """The text without the one property that is required."""
    if "field" in requirement:
        return _without_field(text, requirement)
    if "calls" in requirement:
        keywords = [*requirement.get("passes", ()), *requirement.get("arguments", ())]
        return re.sub(rf"\b{keywords[0] if keywords else requirement['calls']}(?=[(=])", "other", text)
    if "never" in requirement:
        return text + next(line for word, line in FORBIDDEN.items() if word in requirement["never"]) + "\n"
    return "".join(
        line for line in text.splitlines(keepends=True) if not re.fullmatch(requirement["line"], line.rstrip())
    )


def _without_field(text: str, requirement: Mapping[str, Any]) -> str:
    documents = list(yaml.safe_load_all(text))
    for parent in _parents(documents[0], requirement["field"][:-1]):
        del parent[True if requirement["field"][-1] == "on" else requirement["field"][-1]]  # `on` is YAML 1.1's true
        break
    return yaml.safe_dump_all(documents)


def _parents(value: Any, path: list[str]) -> Iterator[dict[object, Any]]:
    if not path:
        yield value
        return
    name, _, pattern = path[0].partition("=")
    if path[0] == "*":
        items = list(value.values()) if isinstance(value, dict) else value
    elif pattern:
        items = [item for item in value if item.get(name, "").startswith(pattern.rstrip("*"))]
    else:
        items = [value[name]] if name in value else []
    for item in items:
        yield from _parents(item, path[1:])


def test_each_property_that_is_removed_is_missed(repositories):
    """One mutation after the other, each of one property in one file, and undone again.

    What is read of a built result has mutations of its own: `test_mutations`.
    """
    missed, removed = [], set()
    for name in REPOSITORIES:
        repository = repositories(name)
        for control in read_catalogue(repository):
            for requirement in filter(is_of_one_file, control.requires):
                file = repository / requirement["file"]
                before = file.read_text(encoding="utf-8")
                file.write_text(without(before, requirement), encoding="utf-8")
                findings = find_regressions(repository, [control], deletable=frozenset()).findings
                file.write_text(before, encoding="utf-8")
                removed.add(json.dumps(requirement, sort_keys=True))
                if requirement["file"] not in [finding.file for finding in findings]:
                    missed.append((control.id, requirement))
    assert missed == []
    assert len(removed) >= 80


def test_each_symbol_that_is_renamed_is_missed(repositories):
    repository = repositories("cluster")
    for control in read_catalogue(repository):
        for place in control.implemented:
            name, _, symbol = place.partition(":")
            if not (symbol and name.endswith(".py")):
                continue
            before = (repository / name).read_text(encoding="utf-8")
            last = symbol.split(".")[-1]
            (repository / name).write_text(re.sub(rf"\b{last}\b", f"{last}_2", before), encoding="utf-8")
            findings = find_regressions(repository, [control], deletable=frozenset()).findings
            (repository / name).write_text(before, encoding="utf-8")
            assert name in [finding.file for finding in findings], place


@pytest.mark.skipif(sys.platform == "win32", reason="has no times of children")
def test_a_check_takes_less_than_two_seconds(repositories):
    """Of a processor, so that whatever else runs meanwhile does not count."""
    before = os.times()
    subprocess.run([sys.executable, "-m", "scaffold", "check", str(repositories("cluster"))], check=True)
    after = os.times()
    assert after.children_user + after.children_system - before.children_user - before.children_system < 2


def test_every_family_of_hardening_requires_something(repositories):
    controls = [control for name in REPOSITORIES for control in read_catalogue(repositories(name))]
    assert {control.id.partition("-")[0] for control in controls if control.requires} == set(FAMILIES)


def test_a_finding_names_control_file_and_line(repositories, capsys):
    find_tool("kubectl")
    repository = repositories("cluster")
    file = repository / "deploy/kubernetes/base/deployment.yaml"
    before = file.read_text(encoding="utf-8")
    file.write_text(before.replace("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false"), encoding="utf-8")
    try:
        assert check(repository, json=False) == 4
    finally:
        file.write_text(before, encoding="utf-8")
    line = before.splitlines().index("            readOnlyRootFilesystem: true") + 1
    told = capsys.readouterr().out
    assert told.startswith(f"K8S-02  deploy/kubernetes/base/deployment.yaml:{line}: Container server: securityContext")
    assert told.count("K8S-02") == 1
    assert "must be True" in told


@contextmanager
def gone(repository: Path, *names: str) -> Iterator[None]:
    """These files are elsewhere for a while."""
    kept = {repository / name: repository / f"kept-{number}" for number, name in enumerate(names)}
    for file, elsewhere in kept.items():
        file.rename(elsewhere)
    yield
    for file, elsewhere in kept.items():
        elsewhere.rename(file)


EXAMPLE = ("src/notes_server/notes.py", "tests/tools/test_notes.py")


@pytest.mark.parametrize("name", ["Dockerfile", "tests/runtime/test_calls.py", *EXAMPLE])
def test_code_and_tests_that_are_gone_are_missed_yours_too(name, repositories, capsys):
    repository = repositories("stdio")
    with gone(repository, name):
        status, findings = checked(repository, capsys)
    assert status == 4
    assert {(found["file"], found["line"], found["problem"]) for found in findings} == {(name, 1, "the file is gone")}


def test_a_subject_of_controls_that_is_gone_is_missed(repositories, capsys):
    repository = repositories("stdio")
    with gone(repository, "security/controls/outputs.yaml"):
        status, findings = checked(repository, capsys)
    assert status == 4
    assert {found["control"].partition("-")[0] for found in findings} == {"OUT"}
    assert {found["problem"] for found in findings} == {"its row is gone"}


def test_each_of_the_ids_of_one_mark_must_be_listed(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_own.py").write_text('@pytest.mark.control("OWN-01", "OWN-02")\ndef test_own(): ...\n')
    assert [found.control for found in find_unlisted(tmp_path, [])] == ["OWN-01", "OWN-02"]


@pytest.mark.parametrize("name", ["tests/runtime/test_audit_chain.py", "tests/runtime/test_calls.py"])
def test_a_file_that_lost_all_its_tests_proves_nothing(name, repositories, capsys):
    repository = repositories("cluster")
    before = (repository / name).read_text(encoding="utf-8")
    (repository / name).write_text(before.replace("def test_", "def was_"), encoding="utf-8")
    status, findings = checked(repository, capsys)
    (repository / name).write_text(before, encoding="utf-8")
    assert status == 4
    assert {found["file"] for found in findings} == {name}


def test_an_example_that_is_deleted_as_a_whole_is_no_longer_claimed(repositories, capsys):
    repository = repositories("stdio")
    with gone(repository, *EXAMPLE):
        assert check(repository, json=False) == 0
    assert "AUTHZ-04 is no longer claimed" in capsys.readouterr().out


def test_a_control_whose_tests_lost_its_mark_is_missed(repositories):
    repository = repositories("cluster")
    missed = []
    for control in read_catalogue(repository):
        for name in control.verified:
            if not name.endswith(".py"):
                continue
            before = (repository / name).read_text(encoding="utf-8")
            (repository / name).write_text(before.replace(f'"{control.id}"', '"X"'), encoding="utf-8")
            findings = find_regressions(repository, [control], deletable=frozenset()).findings
            (repository / name).write_text(before, encoding="utf-8")
            if name not in [finding.file for finding in findings]:
                missed.append((control.id, name))
    assert missed == []


def test_a_file_that_cannot_be_read_is_told(repositories, capsys):
    repository = repositories("stdio")
    file = repository / "src/notes_server/runtime/server.py"
    before = file.read_text(encoding="utf-8")
    file.write_text("def broken(:\n", encoding="utf-8")
    _, findings = checked(repository, capsys)
    file.write_text(before, encoding="utf-8")
    assert "cannot be read" in findings[0]["problem"]


ROW = {"id": "MINE-01", "statement": "It holds.", "implemented": ["a.py"], "verified": ["a.py"]}


def catalogue(folder: Path, **texts: str) -> Path:
    """A repository that is nothing but its controls, by subject."""
    (folder / "security/controls").mkdir(parents=True)
    for subject, text in texts.items():
        (folder / f"security/controls/{subject}.yaml").write_text(text, encoding="utf-8")
    return folder


def test_a_folder_without_controls_is_no_repository(tmp_path):
    with pytest.raises(NotRendered, match="it has no security/controls"):
        check(catalogue(tmp_path), json=False)


@pytest.mark.parametrize(
    "text,told",
    [
        ("{", "cannot be read: it is not YAML in line 2"),
        ("[]", "holds no list of controls"),
        ("text", "holds no list of controls"),
        ("- text", "row 1 is no control"),
        ("- id: MINE-01", r"row 1 \(MINE-01\) lacks statement"),
        (yaml.safe_dump([ROW, ROW]), "row 2 has the id MINE-01, which security/controls/mine.yaml, row 1 has too"),
        *(
            (yaml.safe_dump([ROW | {name: value}]), told)
            for name, value, told in [
                ("verified", "a.py", "needs a list as verified"),
                ("satisfies", ["A.8.5"], "needs lists of clauses by framework as satisfies"),
                ("satisfies", {"soc2": "CC6.1"}, "needs a list of clauses for soc2"),
                ("require", [], "has require, which is no field of a control"),
                ("requires", ["a.py"], "requires 'a.py', which is no mapping"),
                ("requires", [{"file": "a.py", "nevr": "x"}], "requires nevr, which check does not know"),
                ("requires", [{"line": "x"}], "requires something without absent, file, overlays"),
                ("requires", [{"file": "a.py", "like": "x"}], "requires nothing of a.py"),
            ]
        ),
    ],
)
def test_a_row_that_is_no_control_is_named_with_its_file(tmp_path, text, told):
    with pytest.raises(RefusedError, match=rf"security/controls/mine\.yaml.*{told}"):
        check(catalogue(tmp_path, mine=text), json=False)


def test_an_id_in_two_files_is_refused(tmp_path):
    row = yaml.safe_dump([ROW])
    with pytest.raises(RefusedError, match=r"yours\.yaml, row 1 has the id MINE-01, which .*mine\.yaml, row 1 has too"):
        check(catalogue(tmp_path, mine=row, yours=row), json=False)


def test_the_one_file_of_an_older_template_is_read_as_its_folder(tmp_path):
    (tmp_path / "security").mkdir()
    (tmp_path / "security/controls.yaml").write_text(yaml.safe_dump([ROW]), encoding="utf-8")
    assert [control.id for control in read_catalogue(tmp_path)] == ["MINE-01"]


def test_a_control_says_which_clauses_it_satisfies(tmp_path):
    text = yaml.safe_dump([ROW | {"satisfies": {"soc2": ["CC6.1", "CC6.6"], "hipaa": ["164.312(d)"]}}])
    (control,) = read_catalogue(catalogue(tmp_path, mine=text))
    assert control.satisfies == {"soc2": ("CC6.1", "CC6.6"), "hipaa": ("164.312(d)",)}


def test_the_documentation_shows_a_control():
    text = (CHECKOUT / "docs/controls.md").read_text(encoding="utf-8")
    (control,) = parse_catalogue({"security/controls/mine.yaml": text.partition("```yaml\n")[2].partition("```")[0]})
    assert control.requires
    assert control.satisfies


@pytest.mark.parametrize("name", REPOSITORIES)
def test_a_family_of_controls_stands_in_a_file_of_its_own(repositories, name):
    repository, files = repositories(name), defaultdict(set)
    for file in (repository / "security/controls").iterdir():
        for row in yaml.safe_load(file.read_text(encoding="utf-8")):
            files[row["id"].rpartition("-")[0]].add(file.name)
    assert len(set.union(*files.values())) == len(files) == sum(map(len, files.values()))


def test_controls_read_like_what_they_render():
    templates = list((CHECKOUT / "template/security/controls").iterdir())
    lines = [line for template in templates for line in template.read_text(encoding="utf-8").splitlines()]
    assert len(lines) > len(templates)
    assert [line for line in lines if len(line) > 120 or re.match(r"\{%-? *(macro|set|for)\b", line)] == []


def test_a_control_of_a_workflow_requires_what_the_others_do(repositories):
    def required(control, workflow):
        lines = (json.dumps(rule).replace(f"workflows/{workflow}.yml", "") for rule in control.requires)
        return [line for line in lines if "permissions" not in line]

    controls = {control.id: control for control in read_catalogue(repositories("cluster"))}
    rows = zip(("SUP-03", "SUP-04", "SUP-05"), ("ci", "release", "deploy"), strict=True)
    first, *others = (required(controls[name], workflow) for name, workflow in rows)
    assert others == [first, first]


def test_without_a_builder_of_overlays_their_sources_are_read_and_that_is_told(repositories, monkeypatch, capsys):
    monkeypatch.setattr("scaffold.controls.readers.kubernetes.find_builder", list)
    repository = repositories("cluster")
    assert check(repository, json=False) == 0
    assert "Only the sources of K8S-01" in capsys.readouterr().out
    file = repository / "deploy/kubernetes/base/deployment.yaml"
    before = file.read_text(encoding="utf-8")
    file.write_text(before.replace("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false"), encoding="utf-8")
    status, _ = checked(repository, capsys)
    file.write_text(before, encoding="utf-8")
    assert status == 4


def test_an_overlay_that_cannot_be_built_is_told(repositories, capsys):
    find_tool("kubectl")
    repository = repositories("cluster")
    file = repository / "deploy/kubernetes/overlays/local/kustomization.yaml"
    before = file.read_text(encoding="utf-8")
    file.write_text(f"{before}  - nowhere.yaml\n", encoding="utf-8")
    status, findings = checked(repository, capsys)
    file.write_text(before, encoding="utf-8")
    assert status == 4
    assert any("the overlay local cannot be built" in finding["problem"] for finding in findings)
