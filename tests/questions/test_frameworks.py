"""What each framework asks for stands in what is rendered, at the place that this table names."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.combinations import complete
from tests.support.deployments import render_answers
from tests.support.rows import FRAMEWORKS, Row

SETTINGS = "src/notes_server/runtime/settings"
CHOSEN = [name for name in FRAMEWORKS if name != "baseline"]
WORDS = {"label", "title", "basis", "sources"}
# By key of data/frameworks.yml: the file, and what stands there; {} is the framework's value.
PLACES: dict[str, tuple[str, str]] = {
    "token_max_age_seconds": (
        f"{SETTINGS}/tokens.py",
        r"auth_max_token_age_seconds: int = Field\(default={0}, gt=0, le={0}\)",
    ),
    "second_factor_max_age_seconds": (
        f"{SETTINGS}/tokens.py",
        r"auth_second_factor_max_age_seconds: int = Field\(default={0}, ",
    ),
    "audit_retention_days": (f"{SETTINGS}/core.py", r"audit_retention_days: int = Field\(default={0}, ge={0}\)"),
    "argument_classification": (f"{SETTINGS}/core.py", r'audit_arguments: Literal\["{0}".*\] = "{0}"'),
}
# Where the framework says true, this stands there, and otherwise not.
SWITCHES: dict[str, tuple[str, str]] = {
    "second_factor": (f"{SETTINGS}/tokens.py", "MCP_AUTH_SECOND_FACTOR_SCOPES must keep"),
    "audit_hash_chain": ("src/notes_server/runtime/observability/audit.py", r"from \.audit_chain import"),
    "pseudonymous_subjects": (f"{SETTINGS}/core.py", r'audit_subjects: Literal\["hashed"\]'),
    "tools_locked": ("Dockerfile", "ENV MCP_TOOLS_LOCKED=true"),
    "fips": ("src/notes_server/runtime/http/tls.py", r'set_ecdh_curve\("prime256v1"\)'),
}
LONGEST_KEPT_UNLOCKED = 364
"""Audit that must stay longer is archived where nobody can change it."""


@pytest.fixture(scope="module")
def render(tmp_path_factory: pytest.TempPathFactory) -> Any:
    @functools.cache
    def render(*compliance: str) -> Path:
        answers = {"transport": "http", "auth_provider": "oidc", "deployment": "aws-ecs", "regions": "a,b"}
        folder = tmp_path_factory.mktemp("framework") / "repository"
        return render_answers(
            complete({**answers, "replica_state": "redis", "ci": "github", "compliance": [*compliance]}), folder
        )

    return render


def stands(repository: Path, place: tuple[str, str], value: object = "") -> bool:
    file, pattern = place
    return re.search(pattern.replace("{0}", str(value)), (repository / file).read_text(encoding="utf-8")) is not None


def test_every_key_of_a_framework_has_its_place() -> None:
    for row in FRAMEWORKS.values():
        assert row.keys() - WORDS == {*PLACES, *SWITCHES, "procedure_days"}


@pytest.mark.parametrize("name", CHOSEN)
def test_what_a_framework_asks_for_is_rendered(name: str, render: Any) -> None:
    repository, row = render(name), FRAMEWORKS[name]
    missing = [key for key, place in PLACES.items() if not stands(repository, place, row[key])]
    missing += [
        key for key, place in SWITCHES.items() if stands(repository, place) != (row[key] or FRAMEWORKS["baseline"][key])
    ]
    assert not missing
    assert (repository / "deploy/terraform/aws-ecs/region/archive.tf").exists() == (
        row["audit_retention_days"] > LONGEST_KEPT_UNLOCKED
    )
    assert "prevent_self_review" in (repository / ".github/rulesets/apply.sh").read_text(encoding="utf-8")
    assert stands(repository, ("src/notes_server/runtime/oauth/verifier.py", '"OKP"\\),')) != row["fips"]
    assert cadences(repository) == row["procedure_days"]


def test_of_several_frameworks_the_strictest_wins(render: Any) -> None:
    rows: list[Row] = [FRAMEWORKS[name] for name in ("gdpr", "pci-dss", "fedramp-moderate")]
    days: dict[str, int] = {}
    for row in rows:
        days |= {each: min(found, days.get(each, found)) for each, found in row["procedure_days"].items()}
    repository = render("gdpr", "pci-dss", "fedramp-moderate")
    assert cadences(repository) == days
    assert all(stands(repository, place) for place in SWITCHES.values())


def test_a_transfer_out_of_the_european_economic_area_is_named(render: Any) -> None:
    record = (render("gdpr") / "security/record-of-processing.md").read_text(encoding="utf-8")
    assert "outside the European Economic Area: us-east-1. **Owner:**" in record


def test_without_a_framework_nothing_of_it_is_rendered(render: Any) -> None:
    repository = render()
    assert not [key for key, place in SWITCHES.items() if key != "second_factor" and stands(repository, place)]
    assert not [*(repository / "security").glob("pro*"), *(repository / "security").glob("record*")]


def cadences(repository: Path) -> dict[str, int]:
    rows = yaml.safe_load((repository / "security/procedures.yaml").read_text(encoding="utf-8"))
    assert all(row["owner"] and row["title"] and row["steps"] for row in rows)
    return {row["id"]: row["cadence_days"] for row in rows}
