"""Wherever an update is killed, the repository is as before or as after."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from scaffold.git import Git, GitError
from scaffold.updating import application
from scaffold.updating.application import Intent, begin, write_note
from tests.support.living import LINES, Living, Template, environment, git, program, write

MANY = 60
on_posix = pytest.mark.skipif(os.name == "nt", reason="Windows has neither these signals nor process groups")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A template with two releases, and a repository of the first whose update leaves a conflict."""
    folder = tmp_path_factory.mktemp("prepared")
    template = Template.begin(folder / "template")
    living = Living.render(template, folder / "living")
    living.edit({"first.txt": LINES.replace("five", "mine")})
    many = {f"template/many/{number}.txt": f"{number}\n" for number in range(MANY)}
    conflict = {"template/first.txt": LINES.replace("five", "theirs"), "template/second.txt": None}
    template.release("v1.1.0", {**many, **conflict})
    return folder


@pytest.fixture
def living(prepared: Path, tmp_path: Path) -> Living:
    return Living(prepared / "living").copy(tmp_path / "living")


@pytest.fixture(scope="module")
def after(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[object, ...]:
    """What an update that nobody disturbs makes of it."""
    living = Living(prepared / "living").copy(tmp_path_factory.mktemp("after") / "living")
    assert living.update().status == 3
    return state(living)


def state(living: Living) -> tuple[object, ...]:
    """The files, and what git knows of them."""
    return living.files(), living.unmerged(), living.status()


def intent_of(living: Living, prepared: Path) -> Intent:
    """What the update intends; its objects are in the repository."""
    finished = Living(prepared / "living").copy(living.folder.with_name("finished"))
    finished.update()
    unmerged = git(finished.folder, "ls-files", "--unmerged").splitlines()
    git(finished.folder, "add", "--all")
    tree = git(finished.folder, "write-tree").strip()
    shutil.copytree(finished.folder / ".git" / "objects", living.folder / ".git" / "objects", dirs_exist_ok=True)
    return Intent(git(living.folder, "rev-parse", "HEAD").strip(), tree, unmerged)


class Killed(BaseException):
    """The process is gone."""


def kill_at(monkeypatch: pytest.MonkeyPatch, place: Callable[..., bool]) -> None:
    """End the process where `place` recognizes a git command, before it runs."""
    run = Git.run

    def run_or_die(self: Git, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        if place(*arguments):
            raise Killed
        return run(self, *arguments, stdin=stdin)

    monkeypatch.setattr(Git, "run", run_or_die)


def test_a_kill_before_the_intent_is_written_leaves_it_as_before(living, prepared, monkeypatch) -> None:
    before = state(living)
    monkeypatch.setattr(application, "write_note", _raise_killed)

    with pytest.raises(Killed):
        living.update()

    assert state(living) == before
    monkeypatch.undo()
    assert living.update().status == 3


def test_a_kill_before_the_lock_leaves_it_as_before(living, prepared, after) -> None:
    before = state(living)
    application.write_note(intent_of(living, prepared), Git(living.folder))

    assert state(living) == before
    assert living.update().document["applied"]
    assert state(living) == after


@pytest.mark.parametrize("command", ["read-tree", "update-index"])
def test_what_a_kill_cuts_short_the_next_command_completes(living, prepared, after, monkeypatch, command) -> None:
    application.write_note(intent_of(living, prepared), Git(living.folder))
    kill_at(monkeypatch, lambda *arguments: arguments[0] == command)
    with pytest.raises(Killed):
        application.begin(living.folder)
    monkeypatch.undo()

    finished = living.update()

    assert finished.status == 3
    assert "cut short" in finished.document["error"]
    assert state(living) == after
    git(living.folder, "reset", "--quiet", "--hard")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_half_written_files_are_completed(living, prepared, after, share) -> None:
    intent = intent_of(living, prepared)
    application.write_note(intent, Git(living.folder))
    (living.folder / ".git" / "index.lock").touch()
    for number in range(int(MANY * share)):
        (living.folder / "many").mkdir(exist_ok=True)
        (living.folder / "many" / f"{number}.txt").write_text(f"{number}\n"[: number % 3])

    assert living.update().status == 3
    assert state(living) == after


def test_an_edit_after_a_kill_is_not_overwritten(living, prepared) -> None:
    application.write_note(intent_of(living, prepared), Git(living.folder))
    (living.folder / ".git" / "index.lock").touch()
    (living.folder / "first.txt").write_text("edited since\n")

    finished = living.update()

    assert "first.txt was edited since" in finished.document["error"]
    assert living.read("first.txt") == "edited since\n"


def test_another_git_process_at_work_leaves_it_as_before(living) -> None:
    before = state(living)
    (living.folder / ".git" / "index.lock").touch()

    finished = living.update()

    assert "Another git process is at work" in finished.document["error"]
    assert (living.folder / ".git" / "index.lock").exists()
    (living.folder / ".git" / "index.lock").unlink()
    assert state(living) == before


@on_posix
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
@pytest.mark.parametrize("moment", ["new/repository", "note"])
def test_a_signal_leaves_it_as_before_or_as_after(living, after, tmp_path, number, moment) -> None:
    before = state(living)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = subprocess.Popen(
        program("update", "--no-verify"),
        cwd=living.folder,
        env={**environment(), "TMPDIR": str(temporary)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_for(_moments(temporary, living, moment), process)
        os.killpg(process.pid, number)
    finally:
        process.wait(60)
    _wait_for(lambda: not (living.folder / ".git" / "index.lock").exists())

    assert state(living) in (before, after)
    if number != signal.SIGKILL:
        assert list(temporary.iterdir()) == []
    if moment != "note":
        assert (state(living), process.returncode) == (before, 130 if number != signal.SIGKILL else -number)


def _moments(temporary: Path, living: Living, moment: str) -> Callable[[], bool]:
    if moment == "note":
        return (living.folder / ".git" / application.NOTE).exists
    return lambda: any(temporary.glob(f".update.*/{moment}"))


def _wait_for(happened: Callable[[], bool], process: subprocess.Popen[bytes] | None = None) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert process is None or process.poll() is None, "it ended before"
        assert time.monotonic() < deadline
        time.sleep(0.001)


def _raise_killed(*_arguments: object) -> None:
    raise Killed


@pytest.mark.parametrize("flag", ["--skip-worktree", "--assume-unchanged"])
def test_an_edit_that_git_is_told_not_to_see_is_not_overwritten(living: Living, flag: str) -> None:
    git(living.folder, "update-index", flag, "second.txt")
    write(living.folder, {"second.txt": "mine alone\n"})
    before = state(living)
    for arguments in (["--plan"], [], []):
        done = living.update(*arguments)
        assert done.status == 3
        assert done.paths("lost") == ["second.txt"]
    assert state(living) == before
    git(living.folder, "commit", "--quiet", "--allow-empty", "--message=later")


def test_an_edit_that_git_is_told_not_to_see_stays_where_nothing_changes(living: Living) -> None:
    git(living.folder, "update-index", "--skip-worktree", "folder/third.txt")
    write(living.folder, {"folder/third.txt": "mine alone\n"})
    assert living.update().paths("lost") == []
    assert living.read("folder/third.txt") == "mine alone\n"


def test_a_layout_that_git_refuses_leaves_the_repository_as_before(
    living: Living, prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    intent = intent_of(living, prepared)
    before = state(living)
    write_note(intent, Git(living.folder))
    run = Git.run

    def lay_out_half(self: Git, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        if arguments[0] != "read-tree":
            return run(self, *arguments, stdin=stdin)
        write(living.folder, {"many/0.txt": "0\n", "first.txt": "half", "second.txt": None})
        return subprocess.CompletedProcess([], 128, b"", b"fatal: no space left")

    monkeypatch.setattr(Git, "run", lay_out_half)
    with pytest.raises(GitError, match="no space left"):
        begin(living.folder)
    monkeypatch.undo()
    assert state(living) == before
    assert not list((living.folder / ".git").glob("*.lock"))
    assert living.update().status == 3
