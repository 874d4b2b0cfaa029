"""The lists of clauses that are rendered beside the controls, and what either says of the other."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, FileSystemLoader

from scaffold import documents
from scaffold.controls.catalogue import Control, is_catalogue, read_catalogue
from scaffold.template.rendering import Renderer
from scaffold.template.source import TemplateSource
from tests.support.combinations import Answers, complete, lives
from tests.support.rows import FRAMEWORKS, TARGETS
from tests.support.template import CHECKOUT, copy_template

LISTS = sorted(path.name.removesuffix(".jinja") for path in (CHECKOUT / "includes/frameworks").iterdir())
CHOSEN = [name for name, row in FRAMEWORKS.items() if row["label"]]
ALL: Answers = {"compliance": CHOSEN, "transport": "both", "auth_provider": "keycloak", "replica_state": "redis"}
ANSWERS: list[Answers] = [
    {"transport": "stdio", "ci": "none", "compliance": CHOSEN},
    *(row for row in lives() if row.get("auth_provider") == "none" or row.get("deployment") == "kubernetes"),
    *(complete(ALL | {"deployment": name, "regions": "any"}) for name in TARGETS if name != "none"),
]
"""Every file of controls, by each CI, with each gateway and mesh."""

Row = dict[str, Any]


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Answers, Path]]:
    """The controls and the lists for each of the answers."""
    folder = tmp_path_factory.mktemp("lists")
    renderer = Renderer(TemplateSource("bundle", CHECKOUT, "https://example.com/template", "v0.0.0", CHECKOUT), folder)
    shutil.copytree(copy_template(folder / "source"), renderer.template)
    for path in (renderer.template / "template").iterdir():
        if path.name == "security":
            continue
        if path.is_dir():
            shutil.rmtree(path)
        elif "answers_file" not in path.name:
            path.unlink()
    for number, answers in enumerate(ANSWERS):
        renderer.with_defaults(answers, folder / str(number))
    return [(answers, folder / str(number)) for number, answers in enumerate(ANSWERS)]


def rows_of(repository: Path) -> dict[str, list[Row]]:
    """The rows of each list, by its name."""
    files = (repository / "security/frameworks").glob("*.yaml")
    return {file.stem: documents.parse(file.read_text(encoding="utf-8")) for file in files}  # type: ignore[misc]


def official(name: str) -> list[str]:
    """The identifiers as the framework itself has them."""
    source, *identifiers = (CHECKOUT / f"tests/frameworks/{name}.txt").read_text(encoding="utf-8").splitlines()
    assert source.startswith("# "), "the first line says where they come from"
    return identifiers


def satisfied_by(controls: list[Control]) -> Iterator[tuple[str, str]]:
    """Each clause that a control names, with its list."""
    for control in controls:
        yield from ((name, clause) for name, clauses in control.satisfies.items() for clause in clauses)


def test_every_list_that_the_answers_ask_for_is_rendered(rendered: list[tuple[Answers, Path]]) -> None:
    always = set(LISTS) - {*CHOSEN, "slsa", "cis-kubernetes"}
    for answers, repository in rendered:
        conditional = {"slsa": answers.get("ci") != "none", "cis-kubernetes": answers.get("deployment") == "kubernetes"}
        asked = {*answers.get("compliance", []), *(name for name, brought in conditional.items() if brought)}
        assert rows_of(repository).keys() == always | asked & {*LISTS}, answers
    assert set(LISTS) == {name for _, repository in rendered for name in rows_of(repository)}


def test_the_controls_that_the_lists_count_with_are_those_that_are_rendered(
    rendered: list[tuple[Answers, Path]],
) -> None:
    """Both directions: a clause is answered where a control names it, and nowhere else."""
    for answers, repository in rendered:
        answered = {
            (name, row["clause"])
            for name, rows in rows_of(repository).items()
            for row in rows
            if row["state"] == "controls"
        }
        assert answered == set(satisfied_by(read_catalogue(repository))), answers


def test_a_clause_has_a_state_and_says_what_is_left_to_do(rendered: list[tuple[Answers, Path]]) -> None:
    for _, repository in rendered:
        for name, rows in rows_of(repository).items():
            for row in rows:
                assert list(row) == ["clause", "title", "state", "note"], (name, row)
                assert row["state"] in ("controls", "owner", "not-applicable"), (name, row)
                assert row["title"], (name, row)
                assert row["note"] or row["state"] == "controls", (name, row)


@pytest.mark.parametrize("name", LISTS)
def test_every_official_identifier_is_a_row_and_every_row_has_one(
    name: str, rendered: list[tuple[Answers, Path]]
) -> None:
    found = [
        [row["clause"] for row in rows[name]] for _, repository in rendered if name in (rows := rows_of(repository))
    ]
    assert found
    assert all(clauses == official(name) for clauses in found)


def test_a_clause_names_controls_that_some_answers_render(rendered: list[tuple[Answers, Path]]) -> None:
    """One of another name would leave its clause to the owner, and nobody would notice."""
    known = {control.id for _, repository in rendered for control in read_catalogue(repository)}
    filters = ["jinja2_ansible_filters.AnsibleCoreFiltersExtension"]
    environment = Environment(loader=FileSystemLoader(CHECKOUT / "includes/frameworks"), extensions=filters)
    for name in LISTS:
        clauses = environment.get_template(f"{name}.jinja").module.clauses  # type: ignore[attr-defined]
        assert {control for row in clauses.values() for control in row.get("controls", [])} <= known, name
        assert all(row.keys() <= {"title", "controls", "owner", "not_applicable"} for row in clauses.values()), name


def test_a_list_is_not_taken_for_controls(rendered: list[tuple[Answers, Path]]) -> None:
    for _, repository in rendered:
        assert rows_of(repository)
        assert not [name for name in rows_of(repository) if is_catalogue(f"security/frameworks/{name}.yaml")]


def test_a_control_answers_a_clause_of_a_list_that_everybody_gets(rendered: list[tuple[Answers, Path]]) -> None:
    everybody = {"owasp-mcp", "cosai-mcp", "nsa-mcp", "mcp-spec", "cis-docker"}
    for answers, repository in rendered:
        idle = [control.id for control in read_catalogue(repository) if not everybody & control.satisfies.keys()]
        assert not idle, answers
