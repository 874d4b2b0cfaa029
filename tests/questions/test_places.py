"""What real hosts call things is taken, and what cannot exist is refused: the examples of each row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.support.questionnaire import RULES
from tests.support.template import CHECKOUT

PLACES: dict[str, dict[str, Any]] = YAML(typ="safe").load(CHECKOUT / "data" / "places.yml")
FORGES, REGISTRIES = (PLACES[name]["default"] for name in ("forges", "registries"))
Rows = list[Mapping[str, Any]]


def examples(rows: Rows, verdict: str) -> list[tuple[str, str]]:
    return [(row["title"], value) for row in rows for value in row[verdict]]


@pytest.mark.parametrize("title, url", examples(FORGES, "taken"))
def test_an_address_of_a_repository_is_taken(title: str, url: str) -> None:
    assert RULES.repository(url, FORGES) == ""


@pytest.mark.parametrize("title, url", examples(FORGES, "refused"))
def test_what_is_no_repository_is_refused(title: str, url: str) -> None:
    assert RULES.repository(url, FORGES).strip().startswith("repository_url ")


@pytest.mark.parametrize("title, image", examples(REGISTRIES, "taken"))
def test_an_image_repository_is_taken(title: str, image: str) -> None:
    assert RULES.image(image, REGISTRIES) == ""


@pytest.mark.parametrize("title, image", examples(REGISTRIES, "refused"))
def test_what_is_no_image_repository_is_refused(title: str, image: str) -> None:
    assert RULES.image(image, REGISTRIES).strip().startswith("image_repository ")


@pytest.mark.parametrize("rows", [FORGES, REGISTRIES])
def test_every_row_brings_examples(rows: Rows) -> None:
    for row in rows:
        assert row["refused"], row["title"]
        assert row["taken"], row["title"]


@pytest.mark.parametrize(
    "host, usual, refused",
    [
        ("github.com/acme", "github", ["gitlab"]),
        ("gitlab.com/acme", "gitlab", ["github"]),
        ("dev.azure.com/acme/_git", "none", ["github", "gitlab"]),
        ("bitbucket.org/acme", "none", ["github", "gitlab"]),
        ("git.example.com", "github", []),
    ],
)
def test_ci_runs_where_the_repository_is(host: str, usual: str, refused: list[str]) -> None:
    url = f"https://{host}/notes"
    assert RULES.pipelines(url, FORGES).split()[0] == usual
    assert [name for name in ("github", "gitlab") if RULES.pipeline(name, url, FORGES)] == refused


@pytest.mark.parametrize(
    "url, image",
    [
        ("https://github.com/Acme/Notes.Server", "ghcr.io/acme/notes-server"),
        ("https://github.com/jane_acme/-notes-", "ghcr.io/jane-acme/notes"),
        ("https://github.com/acme/---", "registry.example.com/notes"),
        ("https://gitlab.com/a/b_/c", "registry.gitlab.com/a/b/c"),
        ("https://gitlab.com/" + "/".join(["a" * 30] * 5), "registry.gitlab.com/" + "/".join(["a" * 30] * 5)),
        ("https://dev.azure.com/acme/My%20Project/_git/notes", "registry.example.com/notes"),
    ],
)
def test_the_usual_image_repository_is_one(url: str, image: str) -> None:
    usual = RULES.nearby_image(url, "notes").strip()
    assert usual == image
    assert RULES.image(usual, REGISTRIES) == ""
