"""Deployment targets: one shape for every row, and regions by the names that the target has for them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.questionnaire import RULES
from tests.support.rows import TARGETS, Row
from tests.support.template import CHECKOUT

KINDS = {"image", "compose", "kubernetes", "terraform"}
IN_REGIONS = {name: row for name, row in TARGETS.items() if row["regions"]}
BY_CI = {name: row for name, row in TARGETS.items() if row["ci"]}
BY_TERRAFORM = [name for name, row in TARGETS.items() if row["kind"] == "terraform"]
PARTITIONS = [(name, partition) for name, row in IN_REGIONS.items() for partition in row["regions"]["partitions"]]


def regions(verdict: str) -> list[tuple[str, str]]:
    return [(name, region) for name, partition in PARTITIONS for region in partition[verdict]]


def refusal_of(region: str, target: str) -> str:
    return " ".join(RULES.region_names(region, target, TARGETS[target]).split())


@pytest.mark.parametrize("name", TARGETS)
def test_every_row_has_the_same_fields(name: str) -> None:
    row = TARGETS[name]
    assert list(row) == list(TARGETS["kubernetes"])
    assert row["kind"] in KINDS
    assert row["defaults"].keys() == {"telemetry", "replica_state", "regions"}
    assert row["suppressions"].keys() == {"checkov", "trivy"}


@pytest.mark.parametrize("name", [name for name, row in TARGETS.items() if row["folder"]])
def test_what_a_target_renders_lies_in_a_folder_of_its_own(name: str) -> None:
    folder = TARGETS[name]["folder"]
    assert (CHECKOUT / "template" / folder).is_dir()
    assert [other for other, row in TARGETS.items() if row["folder"] == folder] == [name]


def test_every_folder_of_a_cloud_has_a_row() -> None:
    for place in ("template/deploy/terraform", "tests/targets"):
        folders = {path.name for path in (CHECKOUT / place).iterdir() if path.is_dir()}
        assert folders - {"kubernetes"} == {*BY_TERRAFORM}, place


@pytest.mark.parametrize("name", BY_TERRAFORM)
def test_a_cloud_is_named_in_its_row_and_in_what_is_its_own_alone(name: str) -> None:
    row, controls = TARGETS[name], f"security/controls/{name}.yaml.jinja"
    files = [path for folder in ("questions", "includes", "template") for path in (CHECKOUT / folder).rglob("*")]
    shared = [path for path in files if path.is_file() and not {row["folder"], controls} & _parts(path)]
    texts = {path: path.read_text(encoding="utf-8").replace(f"/{row['folder']}/", "") for path in shared}
    assert [path for path, text in texts.items() if name in text] == []


def _parts(path: Path) -> set[str]:
    """The file and the folders that hold it, by their paths in the repository that is rendered."""
    inside = path.relative_to(CHECKOUT / path.relative_to(CHECKOUT).parts[0])
    return {parent.as_posix() for parent in (inside, *inside.parents)}


@pytest.mark.parametrize("name", BY_CI)
def test_the_variables_of_ci_are_named_like_variables_and_explained(name: str) -> None:
    ci = BY_CI[name]["ci"]
    assert ci.keys() == {"client", "variables", "audience"}
    assert all(re.fullmatch(r"[A-Z][A-Z_]+", variable) and source for variable, source in ci["variables"].items())
    assert ci["audience"].keys() == {"github", "gitlab"}


def suppressions() -> list[Row]:
    return [row for target in TARGETS.values() for rows in target["suppressions"].values() for row in rows]


def test_every_suppression_has_a_reason_and_none_stands_twice() -> None:
    found = [identifier for row in suppressions() for identifier in row["ids"]]
    assert len(set(found)) == len(found)
    assert all(row["reason"].endswith(".") and row.keys() <= {"ids", "reason", "given"} for row in suppressions())


@pytest.mark.parametrize("name, region", regions("taken"))
def test_a_region_is_taken(name: str, region: str) -> None:
    assert refusal_of(region, name) == ""


@pytest.mark.parametrize("name, region", regions("refused"))
def test_what_is_no_region_or_cannot_be_deployed_to_is_refused(name: str, region: str) -> None:
    assert refusal_of(region, name).startswith("regions must ")


def test_a_refused_region_comes_with_its_reason() -> None:
    assert refusal_of("usgovvirginia", "azure-container-apps").startswith(
        "regions must not be in Azure Government, whose endpoints the rendered Terraform does not know"
    )


def test_regions_of_two_partitions_are_refused() -> None:
    told = refusal_of("us-east-1,us-gov-west-1", "aws-ecs")
    assert told.startswith("regions must be of one cloud, and these are of AWS and AWS GovCloud")


@pytest.mark.parametrize("name, partition", PARTITIONS)
def test_every_partition_brings_examples(name: str, partition: dict[str, Any]) -> None:
    assert partition["refused"], name
    assert partition["taken"] or partition["reason"], name


@pytest.mark.parametrize("name", IN_REGIONS)
def test_the_regions_that_a_row_proposes_are_taken(name: str) -> None:
    row = IN_REGIONS[name]
    fedramp = row["regions"]["fedramp"]
    assert "," in row["regions"]["example"]
    for regions in (row["regions"]["example"], row["defaults"]["regions"], *([fedramp["example"]] if fedramp else [])):
        assert refusal_of(regions, name) == ""
    assert fedramp is None or RULES.authorized_regions(fedramp["example"], name, row).strip() == ""
