"""The README's promises that a program can check."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from scaffold.cli import app
from scaffold.errors import ScaffoldError
from scaffold.template.source import CANONICAL_URL

PROJECT = Path(__file__).parents[1]
README = (PROJECT / "README.md").read_text(encoding="utf-8")
SETUPS = re.findall(r"^python3 -m venv .+$", README, re.MULTILINE)


def commands() -> set[str]:
    return set(get_command(app).commands)  # type: ignore[attr-defined]


def test_the_table_names_every_command_and_no_other() -> None:
    assert {row.split()[0] for row in re.findall(r"^\| `([^`]+)` \|", README, re.MULTILINE)} >= commands()
    assert set(re.findall(r"(?:^|[(`])mcp-scaffold ([a-z]+)", README, re.MULTILINE)) <= commands()


def test_every_exit_status_is_told() -> None:
    told = {int(status) for status in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)}
    raised = {error.exit_status for error in all_subclasses(ScaffoldError)}

    assert raised <= told


def all_subclasses(error: type[ScaffoldError]) -> set[type[ScaffoldError]]:
    return {error}.union(*(all_subclasses(each) for each in error.__subclasses__()))


def test_the_recorded_origin_is_the_true_one() -> None:
    assert CANONICAL_URL in README


@pytest.mark.parametrize("setup", SETUPS)
def test_ci_runs_the_commands_of_the_readme(setup: str) -> None:
    script = (PROJECT / ".ci" / "run").read_text(encoding="utf-8")

    assert setup in script.replace(" --quiet", "")


def test_there_are_two_commands() -> None:
    assert len(SETUPS) == 2


def test_every_local_link_leads_somewhere() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if not link.startswith("https://")]

    assert links
    assert [link for link in links if not (PROJECT / link).exists()] == []
