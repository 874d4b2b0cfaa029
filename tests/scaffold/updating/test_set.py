"""Changing answers of a repository: the managed files become a fresh render's, and what is yours stays.

`CHANGES=200 pytest tests/scaffold/updating/test_set.py` makes every change of one answer to another; by default a few.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scaffold.template.ownership import Ownership
from scaffold.template.source import TemplateSource
from tests.support.combinations import (
    AUDIENCES,
    CLUSTERS,
    ISSUERS,
    REFUSED,
    VALUES,
    Answers,
    complete,
    pairs,
    regions_of,
)
from tests.support.living import LINES, Living, Template
from tests.support.releases import live, release, render
from tests.support.template import CHECKOUT

SAMPLE = int(os.environ.get("CHANGES", "3"))


# With a small template


@pytest.fixture
def template(tmp_path: Path) -> Template:
    return Template.begin(tmp_path / "template")


@pytest.fixture
def living(template: Template, tmp_path: Path) -> Living:
    return Living.render(template, tmp_path / "living")


def test_an_answer_changes_the_managed_files_and_nothing_else(
    template: Template, living: Living, tmp_path: Path
) -> None:
    living.edit({"mine/seed.txt": "mine\n", "own.txt": "own\n"})

    finished = living.set("name=bees")

    assert (finished.status, finished.document["from"], finished.document["to"]) == (0, "v1.0.0", "v1.0.0")
    assert living.files() == {
        **dict(_files(template.render(tmp_path / "fresh", "v1.0.0", name="bees"))),
        "mine/seed.txt": b"mine\n",
        "own.txt": b"own\n",
    }


def test_it_stays_at_the_version_that_the_repository_has(template: Template, living: Living) -> None:
    template.release("v1.1.0", {"template/first.txt": "new\n"})

    living.set("name=bees")

    assert living.read("first.txt") == LINES
    assert "_commit: v1.0.0\n" in living.read(".copier-answers.yml")


def test_a_seed_that_the_answer_brings_is_begun_once(living: Living) -> None:
    assert "mine/extra.txt" in living.set("extra=true").paths("added")
    living.commit()
    living.edit({"mine/extra.txt": None})
    living.set("extra=false")
    living.commit()

    assert "mine/extra.txt" not in living.set("extra=true").paths("added")


def test_an_edit_of_what_an_answer_turns_off_stays(template: Template, tmp_path: Path) -> None:
    living = Living.render(template, tmp_path / "extra", extra=True)
    living.edit({"extra.txt": "mine\n", "mine/extra.txt": "mine too\n"})

    finished = living.set("extra=false")

    assert (finished.status, finished.paths("kept")) == (0, ["extra.txt", "mine/extra.txt"])
    assert (living.read("extra.txt"), living.read("mine/extra.txt")) == ("mine\n", "mine too\n")


def test_an_edit_of_the_same_place_is_a_conflict(living: Living) -> None:
    living.replace("named.txt", "name: notes", "name: my notes")

    finished = living.set("name=bees")

    assert (finished.status, finished.document["conflicts"]) == (3, ["named.txt"])
    assert "||||||| template v1.0.0, answers as they were\nname: notes\n" in living.read("named.txt")


def test_the_same_answer_changes_nothing(living: Living) -> None:
    changed = living.set("name=bees", "--plan")
    nothing = living.set("name=notes")
    assert (nothing.status, nothing.document["applied"], nothing.document["files"]) == (0, False, [])
    assert nothing.document.keys() == changed.document.keys()
    assert living.status() == []


@pytest.mark.parametrize(
    "assignment,words",
    [("nam=x", "did you mean name?"), ("name", "write KEY=VALUE"), ("_commit=v2", "is no question")],
)
def test_a_wrong_answer_is_refused_in_a_sentence(living: Living, assignment: str, words: str) -> None:
    finished = living.set(assignment)

    assert (finished.status, living.status()) == (2, [])
    assert words in finished.document["error"]
    assert len(finished.err.strip().splitlines()) == 1


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    return ((path.relative_to(folder).as_posix(), path.read_bytes()) for path in folder.rglob("*") if path.is_file())


# With the template


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> TemplateSource:
    """The template as it lies here, as a release."""
    return release(CHECKOUT, tmp_path_factory.mktemp("released") / "template")


def changes() -> list[tuple[Answers, str, Any]]:
    """Every change of an answer to another value, each from a row of the covering set in which it is allowed."""
    found: dict[tuple[str, str, str], tuple[Answers, str, Any]] = {}
    for row in pairs():
        for key, values in VALUES.items():
            for choice in values:
                value = regions_of(row | {key: choice}) if key == "regions" else choice
                changed = {**row, key: value}
                if key in row and row[key] != value and _is_allowed(changed):
                    found.setdefault((key, str(row[key]), str(value)), (row, key, value))
    return list(found.values())


def _is_allowed(answers: Answers) -> bool:
    asked = {key: answers.get(key, _otherwise(key)) for key in VALUES}
    refused = any(refuses(*(asked[key] for key in keys)) for keys, refuses in REFUSED)
    return not refused and answers.keys() >= complete(answers).keys() & VALUES.keys()


def _otherwise(key: str) -> Any:
    return {"auth_provider": "none", "deployment": "none", "replica_state": "memory", "regions": "main"}.get(
        key, "none"
    )


ALL = changes()
CHOSEN = ALL[:: max(len(ALL) // SAMPLE, 1)]


def together(row: Answers, key: str, value: Any) -> dict[str, Any]:
    """The answer, and what goes with it: the issuer and audience of a provider, the regions of a place."""
    given = {key: value}
    if key == "auth_provider" and value != "none":
        given["auth_issuer"] = ISSUERS[value]
        given["auth_audience"] = AUDIENCES.get(value, "https://audience.example.com/mcp")
    if key in ("deployment", "compliance") and "regions" in row and {**row, **given}["deployment"] in CLUSTERS:
        given["regions"] = regions_of(row | given)
    return given


@pytest.mark.parametrize("row,key,value", CHOSEN, ids=[f"{row[key]}-{value}" for row, key, value in CHOSEN])
def test_the_managed_files_are_those_of_a_fresh_render(released, tmp_path, row, key, value) -> None:
    living = live(released, row, tmp_path)
    before = living.files()
    given = together(row, key, value)

    finished = living.set(*(f"{name}={answer}" for name, answer in given.items()))

    assert finished.status == 0, finished.err
    owners = Ownership.read(CHECKOUT)
    recorded = {change["key"]: change["value"] for change in finished.document["questions"] if change["kind"] != "gone"}
    gone = {change["key"] for change in finished.document["questions"] if change["kind"] == "gone"}
    answers = {name: answer for name, answer in {**row, **recorded, **given}.items() if name not in gone}
    fresh = dict(_files(render(released, answers, tmp_path)))
    after = living.files()
    assert _of(after, owners, "managed") == _of(fresh, owners, "managed")
    assert _of(after, owners, "yours") == {**_of(fresh, owners, "yours"), **_of(before, owners, "yours")}


def _of(files: dict[str, bytes], owners: Ownership, owner: str) -> dict[str, bytes]:
    return {path: data for path, data in files.items() if owners.of(path) == owner}


def test_a_provider_whose_audience_nobody_can_guess_is_asked_for_it(released, tmp_path) -> None:
    living = live(released, {"transport": "http"}, tmp_path)

    finished = living.set("auth_provider=entra", f"auth_issuer={ISSUERS['entra']}", "auth_audience=x y")

    assert finished.status == 2
    assert "auth_audience" in finished.document["error"]


def test_an_answer_that_no_longer_fits_is_named_with_its_key(released, tmp_path) -> None:
    living = live(released, {"transport": "http"}, tmp_path)

    finished = living.set("auth_provider=okta")

    assert finished.status == 2
    assert "auth_issuer cannot stay 'https://id.example.com'" in finished.document["error"]
    assert living.status() == []


def test_refusals_of_every_kind_are_told_together_with_their_reasons(released, tmp_path) -> None:
    before = {"transport": "http", "deployment": "aws-ecs", "compliance": ["iso-27001", "fedramp-moderate"]}
    living = live(released, before, tmp_path)
    given = ["ci", "project_slug=mcp", "nam=x", "auth_provider=okta", "regions=eu-west-1", "service_mesh=istio"]

    finished = living.set(*given, "license=mit", "license=mit", "provider={}")

    told = finished.document["errors"]
    assert (finished.status, living.status()) == (2, [])
    assert [sentence.partition(":")[0] for sentence in told[:-2]] == [
        "'ci' is no answer",
        "license is given twice",
        "'nam' is no question",
        "provider follows from other answers and cannot be set",
        "project_slug must not be mcp, which a dependency or a program already uses",
        "service_mesh applies only when deployment is kubernetes",
    ]
    assert told[-2].startswith("auth_issuer cannot stay 'https://id.example.com' with these answers: auth_issuer ")
    assert told[-1] == (
        "compliance cannot stay ['iso-27001', 'fedramp-moderate'] with these answers: compliance fedramp-moderate "
        "needs regions that it authorizes, which for aws-ecs are those in the USA and not eu-west-1: choose others, "
        "such as us-east-1, or leave it out."
    )
