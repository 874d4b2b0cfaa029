"""The result of an update is tried before anything is touched; what fails there changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from scaffold import hooks
from scaffold.errors import LockError, UnavailableError
from scaffold.toolchain import uv
from scaffold.updating import verification
from tests.support.living import LINES, Living, Template
from tests.support.releases import live, release
from tests.support.template import CHECKOUT


@pytest.fixture
def template(tmp_path: Path) -> Template:
    template = Template.begin(tmp_path / "template")
    template.release("v1.1.0", {"template/first.txt": "new\n"})
    return template


@pytest.fixture
def living(template: Template, tmp_path: Path) -> Living:
    living = Living.render(template, tmp_path / "living")
    living.edit({"uv.lock": "old\n"})
    return living


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> Tools:
    """What stands in for uv and the prover: every step passes, and the lock is written anew."""
    tools = Tools(monkeypatch)
    tools.lock_writes("new\n")
    tools.uv_says()
    tools.proof_is(passed=True)
    return tools


class Tools:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.tested: list[dict[str, bytes]] = []

    def lock_writes(self, text: str) -> None:
        self._monkeypatch.setattr(hooks, "lock", lambda folder: (folder / "uv.lock").write_text(text))

    def lock_raises(self, error: Exception) -> None:
        self._monkeypatch.setattr(hooks, "lock", _raising(error))

    def uv_says(self, *, status: int = 0, log: str = "") -> None:
        """What `uv run pytest` ends with; `uv sync` passes."""

        def run(step: str, *_arguments: str, folder: Path, **_options: object) -> uv.Run:
            self.tested.append(Living(folder).files())
            return uv.Run(status, log) if step == "run" else uv.Run(0, "")

        self._monkeypatch.setattr(uv, "run_uv", run)

    def proof_is(self, *, passed: bool) -> None:
        self._monkeypatch.setattr(verification, "prove_repository", lambda *_, **__: Report(passed))

    def proof_raises(self, error: Exception) -> None:
        self._monkeypatch.setattr(verification, "prove_repository", _raising(error))


class Report:
    def __init__(self, passed: bool) -> None:  # noqa: FBT001 -- what it tells
        self.passed = passed
        self.named_failures = "nothing could be asked"

    def table(self) -> str:
        return "what was found"


def _raising(error: Exception) -> Callable[..., None]:
    def fail(*_arguments: object, **_options: object) -> None:
        raise error

    return fail


def verified(living: Living, *options: str):
    return living.run("update", "--json", *options)


def test_what_is_tried_is_what_is_applied(living: Living, tools: Tools) -> None:
    finished = verified(living)

    assert [finished.document[step] for step in ("locked", "tested", "proven", "applied")] == [True] * 4
    assert tools.tested[-1] == living.files()


def test_the_new_lock_file_belongs_to_the_result(living: Living, tools: Tools) -> None:
    finished = verified(living)

    assert "uv.lock" in finished.paths("changed")
    assert living.read("uv.lock") == "new\n"


def test_a_repository_without_a_lock_file_gets_none(living: Living, tools: Tools) -> None:
    living.edit({"uv.lock": None})

    assert verified(living).document["locked"]
    assert "uv.lock" not in living.files()


def test_a_plan_is_not_tried_but_says_what_that_takes(living: Living, tools: Tools) -> None:
    tools.lock_raises(AssertionError("a plan locks nothing"))
    living.edit({"proof.yaml": "services: [{command: stand-in --port 9001, ready: 127.0.0.1:9001}]\n"})
    before = living.files()

    finished = verified(living, "--plan")

    assert finished.status == 0
    assert finished.document["needs"][-1] == "stand-in --port 9001 (127.0.0.1:9001)"
    assert living.files() == before


@pytest.mark.parametrize("options", [(), ("--plan",)])
def test_an_unusable_proof_file_is_wrong_usage(living: Living, tools: Tools, options: tuple[str, ...]) -> None:
    living.edit({"proof.yaml": "call: list_customers\n"})
    before = living.files()

    finished = verified(living, *options)

    assert (finished.status, living.files()) == (2, before)
    assert finished.document["error"] == "proof.yaml: call is no mapping of names to values."


@pytest.mark.parametrize(
    "spoil,status,words",
    [
        (lambda tools: tools.uv_says(status=1, log="1 failed"), 1, "The tests fail on the updated files."),
        (lambda tools: tools.proof_is(passed=False), 4, "The proof of the updated files fails"),
        (lambda tools: tools.lock_raises(LockError("no version.")), 1, "no version."),
    ],
    ids=["tests", "proof", "lock"],
)
def test_what_fails_changes_nothing(living: Living, tools: Tools, spoil, status: int, words: str) -> None:
    spoil(tools)
    before = living.files()

    finished = verified(living)

    assert (finished.status, living.files(), living.status()) == (status, before, [])
    assert words in finished.document["error"]


@pytest.mark.parametrize(
    "spoil,missing",
    [
        (lambda tools: tools.lock_raises(UnavailableError("uv is not installed")), ["locked", "tested", "proven"]),
        (lambda tools: tools.proof_raises(UnavailableError("there is no Python 3.13")), ["proven"]),
    ],
    ids=["uv", "Python"],
)
def test_a_step_that_lacks_a_tool_is_left_out_and_named(
    living: Living, tools: Tools, spoil, missing: list[str]
) -> None:
    spoil(tools)

    finished = verified(living)

    assert (finished.status, finished.document["applied"]) == (0, True)
    assert [step for step in ("locked", "tested", "proven") if not finished.document[step]] == missing
    assert "was left out" in finished.document["warnings"][0]


def test_a_conflict_is_not_tried(template: Template, living: Living, tools: Tools) -> None:
    living.replace("first.txt", "five", "mine")
    template.release("v1.2.0", {"template/first.txt": LINES.replace("five", "theirs")})

    assert verified(living).status == 3
    assert tools.tested == []


@pytest.mark.life
@pytest.mark.network
def test_an_update_of_a_real_repository_is_locked_tested_and_proven(tmp_path: Path) -> None:
    source = release(CHECKOUT, tmp_path / "template")
    living = live(source, {"transport": "stdio"}, tmp_path)
    hooks.lock(living.folder)
    living.commit()
    Template(source.location).release("v1.1.0", {"template/.dockerignore.jinja": "# less\n"})

    finished = living.run("update", "--json")

    assert [finished.document[step] for step in ("locked", "tested", "proven", "applied")] == [True] * 4
    assert living.read(".dockerignore") == "# less\n"
    assert [line[3:] for line in living.status()] == [".copier-answers.yml", ".dockerignore"]
