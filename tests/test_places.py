"""What real hosts and clouds call things is taken, and what cannot exist is refused: the examples of each row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.questionnaire import RULES
from tests.template import CHECKOUT

PLACES: dict[str, dict[str, Any]] = YAML(typ="safe").load(CHECKOUT / "data" / "places.yml")
FORGES, REGISTRIES, CLOUDS = (PLACES[name]["default"] for name in ("forges", "registries", "region_names"))
Rows = list[Mapping[str, Any]]


def examples(rows: Rows, verdict: str) -> list[tuple[str, str]]:
    return [(row["title"], value) for row in rows for value in row[verdict]]


def regions(verdict: str) -> list[tuple[str, str]]:
    return [(cloud, value) for cloud, details in CLOUDS.items() for _, value in examples(details["rows"], verdict)]


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


@pytest.mark.parametrize("cloud, region", regions("taken"))
def test_a_region_is_taken(cloud: str, region: str) -> None:
    assert RULES.region_names(region, cloud, CLOUDS) == ""


@pytest.mark.parametrize("cloud, region", regions("refused"))
def test_what_is_no_region_or_cannot_be_deployed_to_is_refused(cloud: str, region: str) -> None:
    assert RULES.region_names(region, cloud, CLOUDS).strip().startswith("regions must ")


def test_a_refused_region_comes_with_its_reason() -> None:
    told = " ".join(RULES.region_names("usgovvirginia", "azure-container-apps", CLOUDS).split())
    assert told.startswith(
        "regions must not be in Azure Government, whose endpoints the rendered Terraform does not know"
    )


def test_regions_of_two_partitions_are_refused() -> None:
    told = " ".join(RULES.region_names("us-east-1,us-gov-west-1", "aws-ecs", CLOUDS).split())
    assert told.startswith("regions must be of one cloud, and these are of AWS and AWS GovCloud")


@pytest.mark.parametrize("rows", [FORGES, REGISTRIES, *(cloud["rows"] for cloud in CLOUDS.values())])
def test_every_row_brings_examples(rows: Rows) -> None:
    for row in rows:
        assert row["refused"], row["title"]
        assert row["taken"] or row["reason"], row["title"]


def test_the_examples_of_refusals_are_taken() -> None:
    assert not [cloud for cloud, details in CLOUDS.items() if RULES.region_names(details["example"], cloud, CLOUDS)]


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
