"""What a rendered CI does about updates: it refuses what a plain one leaves behind, and proposes them given a home."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from scaffold.rendering import Renderer
from scaffold.source import TemplateSource
from tests.living import CHECKOUT, Living, git
from tests.scanners import scan

HOME = "https://git.example.com/mcp-scaffold.git"
CHECKOUT_SOURCE = TemplateSource("checkout", CHECKOUT, CHECKOUT.as_posix(), "HEAD", CHECKOUT)


@pytest.fixture(scope="module")
def render(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Living]:
    """Render answers and commit; each set of answers once."""
    made: dict[str, Living] = {}

    def render(**answers: Any) -> Living:
        key = json.dumps(answers)
        if key not in made:
            folder = tmp_path_factory.mktemp("rendered")
            Renderer(CHECKOUT_SOURCE, folder).with_defaults(answers, folder / "repository")
            made[key] = Living(folder / "repository")
            git(made[key].folder, "init", "--quiet", "--initial-branch=main")
            made[key].commit()
        return made[key].copy(tmp_path_factory.mktemp("copy") / "repository")

    return render


def refusal_of(living: Living, ci: str) -> str:
    """The commands with which a CI refuses leftovers."""
    if ci == "gitlab":
        return "\n".join(yaml.safe_load(living.read(".gitlab-ci.yml"))["leftovers"]["script"])
    steps = yaml.safe_load(living.read(".github/workflows/ci.yml"))["jobs"]["test"]["steps"]
    return next(str(step["run"]) for step in steps if "leaves behind" in step.get("name", ""))


@pytest.mark.parametrize("ci", ["github", "gitlab"])
@pytest.mark.parametrize(
    "edit,passes",
    [
        ({"own.txt": "fine\n"}, True),
        ({"policy.yaml": None}, True),
        ({".copier-answers.yml": "_commit: v9\n"}, True),
        ({"own.txt": "<<<<<<< before updating\n"}, False),
        ({"own.txt.rej": "\n"}, False),
        ({".copier-answers.yml": "_commit: v9\n", "policy.yaml": None}, False),
        ({".copier-answers.yml": "_commit: v9\n", "src/notes_server/tools/notes.py": None}, False),
    ],
    ids=["edit", "your removal", "update", "markers", "rejected", "lost policy", "lost tool"],
)
def test_what_an_unfinished_update_leaves_behind_is_refused(render, ci, edit, passes) -> None:
    living = render(ci=ci)
    living.edit(edit)

    done = subprocess.run(["sh", "-ec", refusal_of(living, ci)], cwd=living.folder, capture_output=True, check=False)

    assert (done.returncode == 0) == passes, done.stdout


def test_the_first_commit_has_nothing_to_compare_with(render) -> None:
    living = render(ci="github")

    assert subprocess.run(["sh", "-ec", refusal_of(living, "github")], cwd=living.folder, check=False).returncode == 0


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_without_a_home_nothing_looks_for_updates(render, ci) -> None:
    living = render(ci=ci)

    assert not [path for path, data in living.files().items() if b"mcp-scaffold update" in data]
    assert json.loads(living.read("renovate.json"))["copier"] == {"enabled": False}


@pytest.mark.parametrize("transport", ["stdio", "http"])
def test_with_a_home_a_workflow_proposes_updates(render, transport) -> None:
    living = render(ci="github", template_home=HOME, transport=transport)
    workflow = yaml.safe_load(living.read(".github/workflows/update.yml"))

    update, propose = workflow["jobs"]["update"], workflow["jobs"]["propose"]
    assert f"git+{HOME} mcp-scaffold update" in living.read(".github/workflows/update.yml")
    assert update["permissions"] == {"contents": "read"}, "what runs new code may write nothing"
    assert "secrets." not in str(update)
    assert not any("uvx" in str(step) for step in propose["steps"]), "what may write runs no new code"
    for command in (
        "actionlint .github/workflows/*.yml",
        "zizmor --offline --pedantic .github/workflows",
        "check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml",
        "check-jsonschema --builtin-schema vendor.renovate renovate.json",
    ):
        done = scan(command, living.folder)
        assert done.returncode == 0, done.stdout + done.stderr


def test_with_a_home_a_scheduled_job_proposes_updates(render) -> None:
    living = render(ci="gitlab", template_home=HOME)
    job = yaml.safe_load(living.read(".gitlab-ci.yml"))["template-update"]

    assert f"git+{HOME} mcp-scaffold update" in str(job["script"])
    assert job["script"][-1] == "exit $status"
    done = scan("check-jsonschema --builtin-schema vendor.gitlab-ci .gitlab-ci.yml", living.folder)
    assert done.returncode == 0, done.stdout


CHECKED = {"github": ".github/workflows/ci.yml", "gitlab": ".gitlab-ci.yml"}


@pytest.mark.parametrize("ci", CHECKED)
def test_with_a_home_every_control_is_checked_by_the_version_that_rendered(render, ci, tmp_path) -> None:
    living = render(ci=ci, template_home=HOME)
    (tmp_path / "uvx").write_text('#!/bin/sh\necho "$*"\n')
    (tmp_path / "uvx").chmod(0o755)
    [command] = [line for line in living.read(CHECKED[ci]).splitlines() if line.endswith(" mcp-scaffold check")]

    done = subprocess.run(
        ["sh", "-c", command.partition("uvx")[1] + command.partition("uvx")[2]],
        cwd=living.folder,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )

    version = yaml.safe_load(living.read(".copier-answers.yml"))["_commit"]
    assert done.stdout == f"--from git+{HOME}@{version} mcp-scaffold check\n"


@pytest.mark.parametrize("ci", CHECKED)
def test_without_a_home_no_control_is_checked_by_what_somebody_else_might_own(render, ci) -> None:
    assert "mcp-scaffold check" not in render(ci=ci).read(CHECKED[ci])
