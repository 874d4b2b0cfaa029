"""What `mcp-scaffold new` makes, what it tells, and that it leaves nothing behind when it does not succeed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import copier
import jinja2
import pytest
import yaml

from scaffold import cli, hooks
from scaffold.commands import new
from scaffold.errors import LockError, UnavailableError
from scaffold.template.source import TemplateSource
from scaffold.workspace import workspace
from tests.support.combinations import hurt, label, lives
from tests.support.template import CHECKOUT, copy_template
from tests.support.terminal import at_terminal

BARE = ("--no-lock", "--no-git", "--no-prove")
PROGRAM = (sys.executable, "-m", "scaffold")
on_posix = pytest.mark.skipif(os.name == "nt", reason="Windows has neither these signals nor pseudo terminals")


@dataclass(frozen=True)
class Finished:
    status: int
    out: str
    err: str

    @property
    def document(self):
        return json.loads(self.out)


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Run the command line in this process, in an empty folder, with no terminal."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Finished:
        monkeypatch.setattr(sys, "argv", ["mcp-scaffold", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return Finished(int(ended.value.code or 0), captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def released(tmp_path_factory) -> TemplateSource:
    """The template as a clean checkout of a release."""
    folder = copy_template(tmp_path_factory.mktemp("released") / "mcp-scaffold")
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "release"], ["tag", "v1.0.0"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return TemplateSource("checkout", folder, folder.as_posix(), "HEAD", folder)


def paths(folder: Path) -> set[str]:
    """Every file below `folder`, git's own aside, and every folder that holds none."""
    below = [path for path in folder.rglob("*") if not path.is_dir() or not any(path.iterdir())]
    return {path.relative_to(folder).as_posix() for path in below if ".git" not in path.relative_to(folder).parts}


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {name: ((folder / name).read_bytes(), (folder / name).stat().st_mode) for name in paths(folder)}


# What is made


@pytest.mark.parametrize("answers", [hurt(lives()[0], 0), hurt(lives()[-1], 2)], ids=label)
def test_the_render_is_what_plain_copier_renders(run, released, monkeypatch, tmp_path, answers):
    monkeypatch.setattr(new, "template_source", lambda: released)
    (tmp_path / "answers.yml").write_text(yaml.safe_dump(answers))
    assert run("new", "ours", "--defaults", *BARE, "--data-file=answers.yml").status == 0
    copier.run_copy(released.url, tmp_path / "theirs", data=answers, defaults=True, quiet=True)
    assert contents(tmp_path / "ours") == contents(tmp_path / "theirs")
    assert "_commit: v1.0.0\n" in (tmp_path / "ours" / ".copier-answers.yml").read_text()


def test_a_render_compiles_no_text_twice_and_reads_no_yaml_in_python(run, monkeypatch):
    compiled = []
    compile_text = jinja2.Environment.compile

    def compile_and_note(self, source, *others, **named):
        compiled.append((id(self), source))
        return compile_text(self, source, *others, **named)

    monkeypatch.setattr(jinja2.Environment, "compile", compile_and_note)
    monkeypatch.delattr(yaml.scanner.Scanner, "scan_plain")
    assert run("new", "notes", "--defaults", "--plan").status == 0
    assert [text for (_, text), times in Counter(compiled).items() if isinstance(text, str) and times > 1] == []
    assert len(compiled) > 100


def test_the_document_tells_what_is_there(run, tmp_path):
    document = run("new", "notes", "--defaults", "--json", *BARE).document
    assert document["destination"] == str(tmp_path / "notes")
    assert document["answers"]["project_slug"] == "notes"
    assert {file["path"] for file in document["files"]} == paths(tmp_path / "notes")
    assert {file["owner"] for file in document["files"]} == {"managed", "yours"}
    assert (document["locked"], document["proven"], document["committed"]) == (False, False, False)
    assert set(document["template"]) == {"source", "version"}


def test_tools_and_policy_are_yours_and_the_runtime_is_managed(run):
    files = run("new", "notes", "--defaults", "--plan", "--json").document["files"]
    owners = {file["path"]: file["owner"] for file in files}
    assert owners["src/notes/tools/notes.py"] == "yours"
    assert owners["policy.yaml"] == "yours"
    assert owners["src/notes/runtime/settings/core.py"] == "managed"
    assert owners[".copier-answers.yml"] == "managed"


def test_a_plan_lists_every_file_and_writes_nothing(run, tmp_path):
    planned = run("new", "notes", "--defaults", "--plan")
    assert paths(tmp_path) == set()
    run("new", "notes", "--defaults", *BARE)
    listed = {line.split(maxsplit=1)[1] for line in planned.out.splitlines() if line.startswith(("managed", "yours"))}
    assert listed == paths(tmp_path / "notes")
    assert "Nothing was written" in planned.out


def test_the_more_specific_answer_wins(run, tmp_path):
    (tmp_path / "answers.yml").write_text("telemetry: none\nowner: File\n_commit: v0\n")
    arguments = ("--preset=compose-oidc", "--data-file=answers.yml", "-downer=Line", "--defaults", "--plan", "--json")
    answers = run("new", "notes", *arguments).document["answers"]
    assert (answers["deployment"], answers["telemetry"], answers["owner"]) == ("compose", "none", "Line")


def test_all_questions_answered_need_no_defaults(run, tmp_path):
    run("new", "first", "--defaults", *BARE)
    finished = run("new", "second", "--data-file=first/.copier-answers.yml", *BARE)
    assert finished.status == 0
    assert contents(tmp_path / "first") == contents(tmp_path / "second")


# Where it is made


def test_an_empty_folder_and_missing_parents_are_fine(run, tmp_path):
    (tmp_path / "empty").mkdir()
    assert run("new", "empty", "--defaults", *BARE).status == 0
    assert run("new", "a/b/c", "--defaults", *BARE).status == 0
    assert (tmp_path / "a" / "b" / "c" / ".copier-answers.yml").is_file()


@pytest.mark.parametrize("destination", ["full", "file", "file/below", "link", "."])
def test_a_destination_that_is_taken_is_refused(run, tmp_path, destination):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "kept").touch()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    before = paths(tmp_path)
    finished = run("new", destination, "--defaults", *BARE)
    assert finished.status == 2
    assert len(finished.err.splitlines()) == 1
    assert paths(tmp_path) == before


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A git repository without commits, with a remote."""
    folder = tmp_path / "fresh-notes"
    folder.mkdir()
    _git(folder, "init", "--quiet", "--initial-branch=trunk")
    _git(folder, "remote", "add", "origin", "https://git.example.com/fresh-notes")
    return folder


@pytest.mark.parametrize("here", [True, False])
def test_a_fresh_repository_goes_on_with_its_branch_and_remotes(run, fresh, monkeypatch, here):
    monkeypatch.chdir(fresh if here else fresh.parent)
    finished = run("new", "." if here else "fresh-notes", "--defaults", "--json", "--no-lock", "--no-prove")
    assert finished.document["committed"] is True
    assert _git(fresh, "remote", "get-url", "origin") == "https://git.example.com/fresh-notes"
    assert _git(fresh, "log", "--format=%D") == "HEAD -> trunk"
    assert _git(fresh, "status", "--porcelain") == ""
    assert [path.name for path in fresh.parent.iterdir()] == ["fresh-notes"]


def test_the_folder_that_one_is_in_is_filled_and_stays_the_same_folder(run, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    before = (tmp_path / "here").stat().st_ino
    finished = run("new", ".", "--defaults", *BARE)
    assert finished.status == 0
    assert "  cd " not in finished.out
    assert (tmp_path / "here").stat().st_ino == before
    assert (tmp_path / "here" / "src" / "here" / "__main__.py").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["here"]


def test_without_git_a_fresh_repository_is_left_as_it_is(run, fresh):
    assert run("new", "fresh-notes", "--defaults", *BARE).status == 0
    assert "No commits yet" in _git(fresh, "status")


@pytest.mark.parametrize("spoil", ["commit", "file", "index"])
def test_a_repository_that_holds_something_is_refused(run, fresh, spoil):
    if spoil == "commit":
        _git(fresh, *("-c", "user.name=A", "-c", "user.email=a@example.com"), "commit", "--allow-empty", "-qm", "first")
    else:
        (fresh / "kept").touch()
    if spoil == "index":
        _git(fresh, "add", "kept")
        (fresh / "kept").unlink()
    finished = run("new", "fresh-notes", "--defaults", *BARE)
    assert (finished.status, "already holds something" in finished.err) == (2, True)


@on_posix
def test_what_cannot_be_moved_into_a_folder_leaves_it_as_it_was(run, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    rename = Path.rename

    def fail_late(self, target):
        if self.name == "src" and "repository" in self.parts:
            raise OSError("no")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_late)
    assert run("new", ".", "--defaults", *BARE).status == 1
    assert paths(tmp_path) == {"here"}


# What is suggested


def test_the_folder_and_whom_git_knows_are_the_defaults(run, tmp_path, monkeypatch):
    _configure_git(monkeypatch, tmp_path, "[user]\nname = Zoë O'Neill\nemail = zoe@acme.test\n")
    answers = run("new", "billing-api", "--defaults", "--plan", "--json").document["answers"]
    assert (answers["project_name"], answers["project_slug"]) == ("billing-api", "billing-api")
    assert (answers["owner"], answers["security_contact"]) == ("Zoë O'Neill", "zoe@acme.test")


@pytest.mark.parametrize(
    "folder, person",
    [
        ("x" * 61, "[user]\nname = \nemail = root@localhost\n"),
        ("tab\tname", "[user]\nname = " + "x" * 61 + "\nemail = 1+me@users.noreply.github.com\n"),
        ("fill\u3164er", "[user]\nemail = a b@example.com\n"),
        ("r", ""),
    ],
)
def test_what_fits_no_question_is_not_suggested(run, tmp_path, monkeypatch, folder, person):
    _configure_git(monkeypatch, tmp_path, person)
    answers = run("new", folder, "--defaults", "--plan", "--json").document["answers"]
    assert answers["project_name"] == "Notes Server"
    assert (answers["owner"], answers["security_contact"]) == ("Example Organisation", "security@example.com")


def test_a_given_answer_goes_before_what_is_suggested(run):
    answers = run("new", "billing", "--defaults", "--plan", "--json", "-dproject_name=Bills").document["answers"]
    assert answers["project_name"] == "Bills"


def test_what_is_still_an_example_is_listed(run):
    finished = run("new", "notes", "--defaults", *BARE, "-downer=Acme")
    assert "  security_contact: security@example.com\n  repository_url: https://git.example.com/notes" in finished.out
    assert "owner" not in finished.out
    theirs = ["-downer=Acme", "-dsecurity_contact=security@acme.test", "-drepository_url=https://github.com/acme/notes"]
    assert "Still an example" not in run("new", "theirs", "--defaults", *BARE, *theirs).out
    named = run("new", "plan", "--defaults", "--plan", "--json", "-dtransport=http", *theirs).document["placeholders"]
    assert named == ["public_url", "auth_issuer", "auth_audience"]


# What is refused


@pytest.mark.parametrize(
    "arguments,words",
    [
        (["-dproject_nam=x"], "did you mean project_name?"),
        (["-dserves_http=true"], "serves_http follows from other answers"),
        (["-dproviders={}"], "providers follows from other answers"),
        (["-d_src_path=x"], "is no question"),
        (["-dtransport=htpp"], "did you mean http?"),
        (["-dtransport"], "write KEY=VALUE"),
        (["-dtransport=http", "-dtransport=both"], "transport is given twice"),
        (["-dcompliance=soc2"], "compliance is a list"),
        (["-dcompliance=[soc2"], "compliance is a list"),
        (["-dcompliance=[soc3]"], "did you mean soc2?"),
        (["-dproject_slug=mcp"], "project_slug must not be mcp"),
        (["-ddeployment=compose"], "deployment applies only when"),
        (["--preset=compos-oidc"], "did you mean compose-oidc?"),
        (["--data-file=missing.yml"], "missing.yml cannot be read"),
        (["--data-file=list.yml"], "must hold a mapping"),
        (["--data-file=broken.yml"], "not YAML in line"),
        (["--data-file=types.yml"], "owner is a text"),
    ],
)
def test_a_refusal_is_one_sentence_and_leaves_nothing(run, tmp_path, arguments, words):
    (tmp_path / "list.yml").write_text("[transport]\n")
    (tmp_path / "broken.yml").write_text("a: [b\n")
    (tmp_path / "types.yml").write_text("owner: {a: b}\n")
    before = paths(tmp_path)
    finished = run("new", "deep/notes", "--defaults", *BARE, *arguments)
    assert finished.status == 2
    assert words in finished.err
    assert len(finished.err.strip().splitlines()) == 1
    assert paths(tmp_path) == before


def test_all_refusals_of_a_call_are_told_together(run, tmp_path):
    (tmp_path / "answers.yml").write_text("_src_path: x\n_secret: x\nowner: [a]\n")
    given = ["projct=x", "transport=http", "ci=jenkins", "project_slug=mcp", "public_url=http://a", "regions=x"]
    arguments = [f"-d{assignment}" for assignment in given]
    finished = run("new", "notes", "--defaults", "--json", "--data-file=answers.yml", *arguments)
    assert finished.status == 2
    told = [sentence.split()[0].strip("'") for sentence in finished.document["errors"]]
    assert told == ["_secret", "owner", "projct", "ci", "project_slug", "public_url", "regions"]
    assert finished.document["error"] == " ".join(finished.document["errors"])
    assert finished.err.count("mcp-scaffold: ") == len(told)


def test_wrong_usage_is_told_with_the_answers_that_are_refused(run, tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/file").write_text("mine")
    arguments = ["-dtransport", "-dci=none", "-dci=github", "-dprojct=x", "-dproject_slug=mcp"]
    finished = run("new", "taken", "--defaults", "--json", *arguments)
    told = finished.document["errors"]
    assert finished.status == 2
    assert [sentence.split()[0].strip("'") for sentence in told][1:] == ["transport", "ci", "projct", "project_slug"]
    assert told[0].endswith("taken already holds something: name a new or an empty folder.")
    assert paths(tmp_path) == {"taken/file"}


def test_without_the_answers_of_a_preset_or_a_file_only_what_is_wrong_by_itself_is_told(run):
    arguments = ["--preset=nope", "--data-file=none.yml", "-dci=jenkins", "-dpublic_url=https://a.example.com/mcp"]
    finished = run("new", "notes", "--defaults", "--json", *arguments)
    assert finished.status == 2
    assert [sentence.split()[0] for sentence in finished.document["errors"]] == ["'nope'", "none.yml", "ci"]


def test_what_only_follows_from_another_refusal_is_not_told(run):
    given = ["-dtransport=htpp", "-dauth_provider=okta", "-dauth_audience=a", "-ddeployment=kubernetes", "-dregions=a"]
    finished = run("new", "notes", "--defaults", "--json", *given)
    assert finished.document["errors"] == [
        "transport cannot be 'htpp' (did you mean http?): choose from stdio, http, both."
    ]


def test_without_a_terminal_missing_answers_are_named(run, tmp_path):
    finished = run("new", "notes", "--preset=local-stdio", "-downer=Me", *BARE)
    assert finished.status == 2
    assert "project_name, project_slug" in finished.err
    assert not {"owner", "transport"} & set(finished.err.replace(",", "").split())
    assert paths(tmp_path) == set()


def test_missing_answers_are_told_with_what_is_refused(run):
    given = ["-dtransport=http", "-dauth_provider=nonee", "-dproject_slug=mcp", "-dpublic_url=http://a"]
    finished = run("new", "notes", "--json", *BARE, *given)
    *refused, missing = finished.document["errors"]
    assert (finished.status, [sentence.split()[0] for sentence in refused]) == (
        2,
        ["auth_provider", "project_slug", "public_url"],
    )
    assert missing.startswith("Nobody can be asked here, and there is no answer to project_name, package_name,")
    assert not {"auth_issuer", "auth_provider", "public_url"} & set(missing.replace(",", "").split())


def test_a_refusal_is_a_document_for_programs(run):
    finished = run("new", "notes", "--defaults", "--json", "-dtransport=carrier-pigeon")
    assert finished.document["exit_status"] == finished.status == 2
    assert finished.document["error"] in finished.err


@pytest.mark.parametrize("arguments", [["new"], ["new", "notes", "--no-such-option"], ["nwe"]])
def test_wrong_usage_is_a_document_for_programs(run, arguments):
    finished = run(*arguments, "--json")
    assert finished.document["exit_status"] == finished.status == 2
    assert finished.document["error"] in finished.err


# What happens around the render


def test_without_the_package_index_the_result_stays(run, tmp_path, monkeypatch):
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    finished = run("new", "notes", "--defaults", "--json", "--no-git")
    assert finished.status == 0
    assert (finished.document["locked"], finished.document["proven"]) == (False, False)
    assert any("the package index cannot be reached" in warning for warning in finished.document["warnings"])
    assert (tmp_path / "notes" / "pyproject.toml").is_file()


def test_dependencies_that_contradict_each_other_leave_nothing(run, tmp_path, monkeypatch):
    monkeypatch.setattr(hooks, "lock", _raise(LockError("The dependencies cannot be locked: no version.")))
    assert run("new", "notes", "--defaults").status == 1
    assert paths(tmp_path) == set()


def test_a_proof_that_cannot_be_made_keeps_the_result(run, tmp_path, monkeypatch):
    _prove_with(monkeypatch, _raise(UnavailableError("there is no Python 3.13")))
    finished = run("new", "notes", "--defaults", "--json", "--no-git")
    assert (finished.status, finished.document["proven"]) == (0, False)
    assert "there is no Python 3.13" in finished.err
    assert (tmp_path / "notes").is_dir()


def test_a_failed_proof_keeps_the_result_with_its_report(run, tmp_path, monkeypatch):
    _prove_with(monkeypatch, lambda *_, **__: FailedProof())
    finished = run("new", "notes", "--defaults", "--json", "--no-git")
    assert (finished.status, finished.document["proven"]) == (4, False)
    assert (tmp_path / "notes" / "proof.json").read_text() == "failed"


@on_posix
def test_the_first_commit_needs_no_configured_name_and_runs_no_hook(run, tmp_path, monkeypatch):
    hooks_of_person = tmp_path / "hooks"
    hooks_of_person.mkdir()
    (hooks_of_person / "pre-commit").write_text("#!/bin/sh\nexit 1\n")
    (hooks_of_person / "pre-commit").chmod(stat.S_IRWXU)
    _configure_git(monkeypatch, tmp_path, f"[core]\nhooksPath = {hooks_of_person}\n")
    finished = run("new", "notes", "--defaults", "--json", "--no-lock", "--no-prove")
    assert finished.document["committed"] is True
    assert _git(tmp_path / "notes", "log", "--format=%an") == "mcp-scaffold"
    assert _git(tmp_path / "notes", "status", "--porcelain") == ""
    assert _git(tmp_path / "notes", "branch", "--show-current") == "main"


@on_posix
def test_a_signature_that_fails_keeps_the_files_and_says_so(run, tmp_path, monkeypatch):
    signing = "[user]\nname = Me\nemail = me@example.com\n[commit]\ngpgsign = true\n[gpg]\nprogram = /bin/false\n"
    _configure_git(monkeypatch, tmp_path, signing)
    finished = run("new", "notes", "--defaults", "--json", "--no-lock", "--no-prove")
    assert (finished.status, finished.document["committed"]) == (0, False)
    assert "gpg failed to sign" in finished.err
    assert (tmp_path / "notes" / "pyproject.toml").is_file()


# How it ends early


@on_posix
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("moment", ["", "template", "repository/src", "repository/uv.lock"])
def test_a_signal_leaves_nothing(tmp_path, name, moment):
    with _started(tmp_path) as process:
        _wait_for(tmp_path, moment, process)
        process.send_signal(getattr(signal, name))
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_a_kill_leaves_nothing_at_the_destination(tmp_path):
    with _started(tmp_path) as process:
        _wait_for(tmp_path, "repository/src", process)
        process.kill()
        process.communicate()
    assert not (tmp_path / "made" / "notes").exists()


def test_a_failure_shows_its_traceback_only_when_asked(tmp_path):
    def fail(*options: str) -> subprocess.CompletedProcess[str]:
        command = [*PROGRAM, "new", "notes", "--defaults", "-dtransport=x", *options]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=_environment())

    plain = fail()
    assert (plain.returncode, "Traceback" in plain.stderr) == (2, False)
    assert "Traceback" in fail("--debug").stderr


# In dialogue


@on_posix
def test_a_person_picks_a_preset_answers_and_confirms(tmp_path):
    with at_terminal([*PROGRAM, "new", "notes", *BARE], tmp_path) as (person, process):
        person.waits_for("Where do you start from?")
        person.types("\r")
        person.waits_for("What is the server called?")
        person.types("\x15Team Notes\r")
        for question in ("short name", "Python package", "What does it do", "Who owns it", "vulnerability", "licence"):
            person.waits_for(question)
            person.types("\r")
        for question in ("Where will the repository live", "frameworks", "Which CI"):
            person.waits_for(question)
            person.types("\r")
        person.waits_for("project_slug")
        person.waits_for("Make this in notes?")
        person.types("y")
        person.waits_for("Next:")
        assert process.wait(30) == 0
    assert "project_slug: team-notes" in (tmp_path / "notes" / ".copier-answers.yml").read_text()


@on_posix
def test_a_person_who_declines_gets_nothing(tmp_path):
    answers = tmp_path / "answers.yml"
    first = [*PROGRAM, "new", "first", "--defaults", *BARE]
    subprocess.run(first, cwd=tmp_path, capture_output=True, check=True, env=_environment())
    shutil.copy(tmp_path / "first" / ".copier-answers.yml", answers)
    shutil.rmtree(tmp_path / "first")
    command = [*PROGRAM, "new", "notes", *BARE, "--preset=local-stdio", "--data-file=answers.yml"]
    with at_terminal(command, tmp_path) as (person, process):
        person.waits_for("Make this in notes?")
        person.types("n")
        assert process.wait(30) == 130
    assert list(tmp_path.iterdir()) == [answers]


class FailedProof:
    passed = False
    named_failures = "tokens.expired"

    def write(self, folder: Path) -> None:
        (folder / "proof.json").write_text("failed")


def _raise(error: Exception):
    def fail(*_args: object, **_options: object) -> None:
        raise error

    return fail


def _prove_with(monkeypatch, prove) -> None:
    monkeypatch.setattr(hooks, "lock", lambda _: None)
    monkeypatch.setattr("scaffold.proof.prove_repository", prove)


def _configure_git(monkeypatch, tmp_path: Path, text: str) -> None:
    configuration = tmp_path / "gitconfig"
    configuration.write_text(text)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(configuration))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "EMAIL"):
        monkeypatch.delenv(name, raising=False)


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(CHECKOUT)}


def _started(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*PROGRAM, "new", "made/notes", "--defaults"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=_environment(),
    )


def _wait_for(folder: Path, moment: str, process: subprocess.Popen[str]) -> None:
    """Wait until the work has come this far: a path in the temporary folder exists."""
    deadline = time.monotonic() + 60
    while not any(folder.glob(f"made/.notes.*/{moment}")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, f"{moment!r} did not appear"
        time.sleep(0.005)


def test_temporary_files_of_others_lie_in_the_workspace_on_every_system(tmp_path, monkeypatch):
    monkeypatch.setenv("TEMP", "before")
    with workspace(tmp_path / "notes") as place:
        assert {os.environ[name] for name in ("TMPDIR", "TEMP", "TMP")} == {str(place.folder)}
    assert os.environ["TEMP"] == "before"
