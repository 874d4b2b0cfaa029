"""What a rendered CI does about updates: it refuses what a plain one leaves behind, and proposes them given a home."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from typing import Any

import copier
import pytest
import yaml

from scaffold.template.rendering import Renderer
from scaffold.template.source import TemplateSource
from tests.support.living import Living, Template, git
from tests.support.releases import live, release
from tests.support.scanners import scan
from tests.support.template import CHECKOUT

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


def refuse(living: Living, ci: str = "github", **environment: str) -> subprocess.CompletedProcess[str]:
    """What a CI says of what the last commit left behind."""
    command = ["sh", "-ec", refusal_of(living, ci)]
    given = {**os.environ, **environment}
    return subprocess.run(command, cwd=living.folder, env=given, capture_output=True, text=True, check=False)


ANSWER = {".copier-answers.yml": "_commit: v9\n"}
TOOL = "src/notes_server/tools/notes.py"


@pytest.mark.parametrize("ci", ["github", "gitlab"])
@pytest.mark.parametrize(
    "edit,said",
    [
        ({"own.txt": "fine\n"}, ""),
        ({"policy.yaml": None}, ""),
        (ANSWER, ""),
        ({"own.txt": "<<<<<<< before updating\n"}, "own.txt:1:<<<<<<< before updating"),
        ({"own.txt.rej": "\n"}, "own.txt.rej"),
        (ANSWER | {"policy.yaml": None}, "policy.yaml"),
        (ANSWER | {TOOL: None}, TOOL),
    ],
    ids=["edit", "your removal", "update", "markers", "rejected", "lost policy", "lost tool"],
)
def test_what_an_unfinished_update_leaves_behind_is_refused_and_named(render, ci, edit, said) -> None:
    living = render(ci=ci)
    living.edit(edit)

    done = refuse(living, ci)

    assert done.returncode == (1 if said else 0), done.stderr
    assert done.stderr.splitlines()[1:2] == [said] * bool(said)


def change_answer(living: Living) -> dict[str, str | None]:
    """An answer, which is no other version of the template."""
    return {".copier-answers.yml": living.read(".copier-answers.yml").replace("license: proprietary", "license: mit")}


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_a_person_may_delete_the_example_in_the_same_change_as_an_answer(render, ci) -> None:
    living = render(ci=ci)
    living.edit({TOOL: "# mine\n"})
    living.edit({**change_answer(living), TOOL: None})

    done = refuse(living, ci)

    assert (done.returncode, done.stderr) == (0, "")


def test_a_removal_of_its_own_beside_an_update_is_a_persons(render) -> None:
    living = render(ci="github")
    first = git(living.folder, "rev-parse", "HEAD").strip()
    living.edit({TOOL: None})
    living.edit(ANSWER)

    done = refuse(living, BEFORE=first)

    assert (done.returncode, done.stderr) == (0, "")


MANAGED, MOVED = "src/notes_server/runtime/interchange.py", "src/notes_server/runtime/json.py"


@pytest.mark.parametrize("keeps", [False, True], ids=["plain Copier", "with its edit"])
def test_an_edit_that_an_update_lost_with_its_file_is_named(render, keeps) -> None:
    living = render(ci="github")
    text = living.read(MANAGED)
    living.edit({MANAGED: f"{text}# an edit of mine\n"})
    living.edit({**change_answer(living), MANAGED: None, MOVED: text + ("# an edit of mine\n" if keeps else "")})

    done = refuse(living)

    assert done.returncode == (0 if keeps else 1)
    assert keeps or done.stderr.splitlines()[1:2] == [f"{MANAGED}: +# an edit of mine"]


def test_what_plain_copier_loses_when_the_template_moves_a_file_is_seen(tmp_path) -> None:
    source = release(CHECKOUT, tmp_path / "template", "v9.0.0")
    living = live(source, {"ci": "github"}, tmp_path)
    living.edit({MANAGED: f"{living.read(MANAGED)}# an edit of mine\n"})
    place = "template/src/{{package_name}}/runtime"
    git(source.location, "mv", f"{place}/interchange.py", f"{place}/json.py")
    Template(source.location).release("v9.1.0", {})

    copier.run_update(living.folder, defaults=True, overwrite=True, quiet=True)
    living.commit()

    assert f"{MANAGED}: +# an edit of mine" in refuse(living).stderr


def test_the_first_commit_has_nothing_to_compare_with(render) -> None:
    living = render(ci="github")

    assert refuse(living).returncode == 0


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_without_a_home_nothing_looks_for_updates(render, ci) -> None:
    living = render(ci=ci)

    told = {"README.md"}  # For people, who installed it.
    assert not [path for path, data in living.files().items() if b"mcp-scaffold update" in data and path not in told]
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


@pytest.mark.parametrize("recorded", ["v1.2.3", "'5128399'"], ids=["a release", "a commit of digits alone"])
@pytest.mark.parametrize("ci", CHECKED)
def test_with_a_home_every_control_is_checked_by_the_version_that_rendered(render, ci, recorded, tmp_path) -> None:
    living = render(ci=ci, template_home=HOME)
    answers = living.folder / ".copier-answers.yml"
    answers.write_text(re.sub(r"(?m)^_commit: .*", f"_commit: {recorded}", answers.read_text(encoding="utf-8")))
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
