"""What an update does to each kind of file, what it tells, and what it refuses."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import copier
import pytest

from scaffold import documents
from scaffold.errors import ExitStatus
from scaffold.template.source import template_source
from scaffold.updating import updates
from scaffold.updating.updates import Request
from tests.support.living import FILES, LINES, QUESTIONS, Living, Template, git, write


@pytest.fixture(scope="session")
def beginning(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return Template.begin(tmp_path_factory.mktemp("beginning") / "template")


@pytest.fixture
def template(beginning: Template, tmp_path: Path) -> Template:
    """A template with a release v1.0.0."""
    shutil.copytree(beginning.folder, tmp_path / "template")
    return Template(tmp_path / "template")


@pytest.fixture
def living(template: Template, tmp_path: Path) -> Living:
    """What v1.0.0 renders by default, committed."""
    return Living.render(template, tmp_path / "living")


# What happens to a file


def test_a_file_that_nobody_edited_becomes_what_the_template_has_now(template: Template, living: Living) -> None:
    template.release(
        "v1.1.0", {"template/first.txt": "new\n", "template/folder/third.txt": None, "template/a.txt": "a\n"}
    )

    finished = living.update()

    assert (finished.status, finished.document["applied"]) == (0, True)
    assert (finished.paths("added"), finished.paths("removed")) == (["a.txt"], ["folder/third.txt"])
    assert finished.paths("changed") == [".copier-answers.yml", "first.txt"]
    assert (living.read("first.txt"), living.read("a.txt")) == ("new\n", "a\n")
    assert not (living.folder / "folder").exists()


def test_the_result_is_what_plain_copier_makes(template: Template, living: Living, tmp_path: Path) -> None:
    living.edit({"first.txt": LINES.replace("one", "ONE"), "folder/third.txt": None, "own.txt": "own\n"})
    changed = {
        "template/first.txt": LINES.replace("nine", "NINE"),
        "template/a.txt": "a\n",
        "template/second.txt": None,
    }
    template.release("v1.1.0", changed)
    plain = living.copy(tmp_path / "plain")

    living.update()
    copier.run_update(plain.folder, defaults=True, overwrite=True, quiet=True)

    assert living.files() == plain.files()


def test_edits_in_different_places_are_merged(template: Template, living: Living) -> None:
    living.replace("first.txt", "one", "ONE")
    template.release("v1.1.0", {"template/first.txt": LINES.replace("nine", "NINE")})

    finished = living.update()

    assert finished.paths("merged") == ["first.txt"]
    assert living.read("first.txt") == LINES.replace("one", "ONE").replace("nine", "NINE")


def test_an_edit_of_the_same_place_is_a_conflict_with_a_base(template: Template, living: Living) -> None:
    living.replace("first.txt", "five", "mine")
    template.release("v1.1.0", {"template/first.txt": LINES.replace("five", "theirs"), "template/second.txt": "new\n"})

    finished = living.update()

    assert (finished.status, finished.document["conflicts"]) == (3, ["first.txt"])
    assert living.unmerged() == {"first.txt": {1, 2, 3}}
    marked = "<<<<<<< yours\nmine\n||||||| template v1.0.0\nfive\n=======\ntheirs\n>>>>>>> template v1.1.0\n"
    assert living.read("first.txt") == LINES.replace("five\n", marked)
    assert living.read("second.txt") == "new\n"


def test_a_file_that_both_add_is_a_conflict(template: Template, living: Living) -> None:
    living.edit({"a.txt": "mine\n"})
    template.release("v1.1.0", {"template/a.txt": "theirs\n"})

    finished = living.update()

    assert (finished.status, finished.document["conflicts"]) == (3, ["a.txt"])
    assert living.unmerged() == {"a.txt": {2, 3}}
    assert "mine\n" in living.read("a.txt")


def test_a_binary_file_that_both_change_stays_yours_and_conflicts(template: Template, living: Living) -> None:
    (template.folder / "template" / "image.bin").write_bytes(b"\0one")
    template.release("v1.1.0", {})
    living.update()
    living.commit()
    (living.folder / "image.bin").write_bytes(b"\0mine")
    living.commit()
    (template.folder / "template" / "image.bin").write_bytes(b"\0theirs")
    template.release("v1.2.0", {})

    finished = living.update()

    assert finished.document["conflicts"] == ["image.bin"]
    assert (living.folder / "image.bin").read_bytes() == b"\0mine"
    assert living.unmerged() == {"image.bin": {1, 2, 3}}


def test_an_edit_moves_along_with_a_renamed_file(template: Template, living: Living) -> None:
    living.replace("first.txt", "one", "ONE")
    template.release("v1.1.0", {"template/first.txt": None, "template/moved/1.txt": LINES.replace("nine", "NINE")})

    finished = living.update()

    assert finished.paths("renamed") == ["moved/1.txt"]
    assert living.read("moved/1.txt") == LINES.replace("one", "ONE").replace("nine", "NINE")
    assert not (living.folder / "first.txt").exists()


def test_an_edit_of_a_file_that_the_template_removes_stays(template: Template, living: Living) -> None:
    living.replace("first.txt", "one", "ONE")
    template.release("v1.1.0", {"template/first.txt": None})

    finished = living.update()

    assert (finished.status, finished.paths("kept")) == (0, ["first.txt"])
    assert living.read("first.txt") == LINES.replace("one", "ONE")


@pytest.mark.parametrize(
    "change", [{"template/first.txt": "new\n"}, {"template/first.txt": None, "template/1.txt": LINES}]
)
def test_a_file_that_you_removed_stays_removed(
    template: Template, living: Living, change: dict[str, str | None]
) -> None:
    living.edit({"first.txt": None})
    template.release("v1.1.0", change)

    finished = living.update()

    assert len(finished.paths("kept")) == 1
    assert not {"first.txt", "1.txt"} & living.files().keys()


def test_a_file_that_you_moved_to_where_the_template_moves_it_is_merged(template: Template, living: Living) -> None:
    living.edit({"first.txt": None, "1.txt": LINES.replace("one", "ONE")})
    template.release("v1.1.0", {"template/first.txt": None, "template/1.txt": LINES.replace("nine", "NINE")})

    assert living.update().status == 0
    assert living.read("1.txt") == LINES.replace("one", "ONE").replace("nine", "NINE")


def test_an_ignored_file_in_the_way_is_never_overwritten(template: Template, living: Living) -> None:
    (living.folder / "a.ignored").write_text("mine\n")
    template.release("v1.1.0", {"template/a.ignored": "theirs\n", "template/first.txt": "new\n"})
    git(template.folder, "add", "--force", "template/a.ignored")
    git(template.folder, "commit", "--quiet", "--amend", "--no-edit")
    git(template.folder, "tag", "--force", "v1.1.0")
    before = living.files()

    finished = living.update()

    assert (finished.status, finished.document["lost"], finished.document["applied"]) == (3, ["a.ignored"], False)
    assert living.files() == before


def test_a_file_where_the_template_needs_a_folder_is_never_overwritten(template: Template, living: Living) -> None:
    living.edit({"place": "mine\n"})
    template.release("v1.1.0", {"template/place/a.txt": "theirs\n"})

    finished = living.update()

    assert (finished.status, finished.document["lost"]) == (3, ["place/a.txt"])
    assert living.read("place") == "mine\n"


# What is yours


def test_what_is_yours_is_never_touched(template: Template, living: Living) -> None:
    living.edit({"mine/seed.txt": "mine\n", "mine/tool.txt": "tool\n"})
    template.release("v1.1.0", {"template/mine/seed.txt": "theirs\n", "template/mine/tool.txt": "theirs\n"})

    finished = living.update()

    assert (finished.status, finished.paths("advisory")) == (0, ["mine/seed.txt"])
    assert (living.read("mine/seed.txt"), living.read("mine/tool.txt")) == ("mine\n", "tool\n")


def test_a_deleted_file_of_yours_is_not_begun_again(template: Template, living: Living) -> None:
    living.edit({"mine/seed.txt": None})
    template.release("v1.1.0", {"template/mine/seed.txt": "theirs\n"})

    living.update()

    assert "mine/seed.txt" not in living.files()


def test_a_seed_that_new_code_wants_is_named_with_its_content(template: Template, living: Living) -> None:
    template.release("v1.1.0", {"template/mine/wanted.txt": "wanted content\n"})

    finished = living.update()

    advice = {file["path"]: file["diff"] for file in finished.document["files"] if file["kind"] == "advisory"}
    assert "+wanted content" in advice["mine/wanted.txt"]
    assert "mine/wanted.txt" not in living.files()


# Questions


def test_the_plan_tells_new_renamed_and_gone_questions_with_their_values(template: Template, living: Living) -> None:
    questions = QUESTIONS.replace("name: {type: str, default: notes}", "title: {type: str, default: notes}")
    questions = questions.replace("extra: {type: bool, default: false}", "color: {type: str, default: blue}")
    questions = questions.replace("not extra", "true")
    renamed = {"copier.yml": questions, "renamed.yml": "name: label\nlabel: title\n"}
    named = {"template/named.txt.jinja": "name: {{ title }}\n"}
    living = Living.render(template, living.folder.with_name("bees"), name="bees")
    template.release("v1.1.0", {**renamed, **named})

    told = {change["key"]: change for change in living.update().document["questions"]}

    assert (told["title"]["kind"], told["title"]["former"], told["title"]["value"]) == ("renamed", "name", "bees")
    assert (told["color"]["kind"], told["color"]["value"]) == ("new", "blue")
    assert (told["extra"]["kind"], told["extra"]["before"]) == ("gone", False)
    assert living.read("named.txt") == "name: bees\n"


def test_an_answer_that_is_no_longer_taken_is_named(template: Template, living: Living) -> None:
    stricter = QUESTIONS.replace(
        "default: notes}", "default: bees, validator: \"{% if name == 'notes' %}no{% endif %}\"}"
    )
    template.release("v1.1.0", {"copier.yml": stricter})

    finished = living.update()

    assert "name: it would become 'bees'" in finished.document["warnings"][0]


# Controls

CHECKS = "- {{id: A-01, statement: It checks., implemented: [{code}], verified: [first.txt]}}\n"
COUNTS = "- {{id: B-01, statement: {statement}, implemented: [second.txt], verified: [first.txt]}}\n"
ADDED = "- {id: B-02, statement: New., implemented: [], verified: []}\n"
CODE = "def check():\n    return 1\n\n\n# -\n# -\n# -\n\n\ndef other():\n    return 2\n"


def catalogue(statement: str, *, added: str = "") -> dict[str, str]:
    """Controls of two subjects, a file each."""
    return {
        "template/security/controls/checks.yaml": CHECKS.format(code="code.py:check"),
        "template/security/controls/counts.yaml": COUNTS.format(statement=statement) + added,
    }


def in_one_file(files: dict[str, str]) -> dict[str, str]:
    """The same controls as older templates render them."""
    return {"template/security/controls.yaml": "".join(files.values())}


@pytest.fixture(params=[dict, in_one_file], ids=["by subject", "from one file"])
def controlled(template: Template, tmp_path: Path, request: pytest.FixtureRequest) -> Living:
    """A repository with controls; the next release has them by subject, adds one and restates one."""
    before = request.param(catalogue("It counts."))
    template.release("v1.1.0", {**before, "template/code.py": CODE})
    living = Living(template.render(tmp_path / "controlled", "v1.1.0"))
    git(living.folder, "init", "--quiet")
    living.commit()
    template.release("v1.2.0", dict.fromkeys(before) | catalogue("It counts twice.", added=ADDED))
    return living


def test_the_plan_tells_which_controls_are_new_and_tighter(controlled: Living) -> None:
    security = controlled.update("--plan").document["security"]

    assert [
        (name, [row["id"] for row in security[name]]) for name in ("added", "tightened", "removed", "reopened")
    ] == [
        ("added", ["B-02"]),
        ("tightened", ["B-01"]),
        ("removed", []),
        ("reopened", []),
    ]


@pytest.mark.parametrize(
    "old,new,ids",
    [("return 1", "return 0", ["A-01"]), ("def check", "def chuck", ["A-01"]), ("return 2", "return 3", [])],
    ids=["edited", "gone", "elsewhere"],
)
def test_the_plan_tells_which_edits_touch_what_implements_a_control(
    controlled: Living, old: str, new: str, ids: list[str]
) -> None:
    controlled.replace("code.py", old, new)

    assert [row["id"] for row in controlled.update("--plan").document["security"]["reopened"]] == ids


def test_an_update_lays_the_controls_of_one_file_by_subject(controlled: Living) -> None:
    assert controlled.update().status == 0

    assert sorted(path for path in controlled.files() if path.startswith("security/")) == [
        "security/controls/checks.yaml",
        "security/controls/counts.yaml",
    ]


@pytest.mark.parametrize("controlled", [in_one_file], indirect=True, ids=["from one file"])
def test_a_control_of_ones_own_in_one_file_is_kept(controlled: Living) -> None:
    own = "- {id: MINE-01, statement: Mine., implemented: [], verified: []}\n"
    controlled.replace("security/controls.yaml", "- {id: B-01", f"{own}- {{id: B-01")

    assert controlled.update().status == 0
    assert sum(b"MINE-01" in text for text in controlled.files().values()) == 1


def test_a_catalogue_of_the_template_that_cannot_be_read_ends_an_update(controlled: Living, template: Template) -> None:
    template.release("v1.3.0", {"template/security/controls/checks.yaml": "- {id: A-01}\n"})

    finished = controlled.update("--plan")

    assert finished.status == 1
    assert "security/controls/checks.yaml, row 1 (A-01) lacks statement" in finished.err


# The plan


def test_a_plan_writes_nothing_and_names_what_an_update_then_does(template: Template, living: Living) -> None:
    living.replace("first.txt", "one", "ONE")
    template.release("v1.1.0", {"template/first.txt": LINES + "ten\n", "template/second.txt": None})
    before, git_before = living.files(), set((living.folder / ".git").rglob("*"))

    planned = living.update("--plan")

    assert (living.files(), set((living.folder / ".git").rglob("*"))) == (before, git_before)
    assert planned.document["applied"] is False
    assert planned.document["files"] == living.update().document["files"]
    assert "+ten" in next(file["diff"] for file in planned.document["files"] if file["path"] == "first.txt")


def test_a_plan_with_a_conflict_ends_with_status_3(template: Template, living: Living) -> None:
    living.replace("first.txt", "five", "mine")
    template.release("v1.1.0", {"template/first.txt": LINES.replace("five", "theirs")})
    before = living.files()

    assert living.update("--plan").status == 3
    assert (living.files(), living.unmerged()) == (before, {})


def test_without_a_newer_version_there_is_nothing_to_do(living: Living) -> None:
    finished = living.update()

    assert (finished.status, finished.document["applied"], living.status()) == (0, False, [])


# Versions


def test_an_update_goes_over_one_major_version_at_a_time(template: Template, living: Living) -> None:
    for version in ("v1.5.0", "v2.0.0", "v2.1.0", "v3.0.0", "v4.0.0rc1"):
        template.release(version, {"template/first.txt": f"{version}\n"})

    seen = []
    for _ in range(3):
        seen.append(living.update().document["to"])
        living.commit()

    assert seen == ["v2.1.0", "v3.0.0", "v3.0.0"]


def test_a_version_can_be_named(template: Template, living: Living) -> None:
    for version in ("v1.1.0", "v1.2.0"):
        template.release(version, {"template/first.txt": f"{version}\n"})

    assert living.update("--to", "1.1.0").document["to"] == "v1.1.0"
    assert living.read("first.txt") == "v1.1.0\n"
    assert "_commit: v1.1.0\n" in living.read(".copier-answers.yml")


def test_an_untagged_commit_is_head_and_the_next_one_follows(template: Template, living: Living) -> None:
    template.commit({"template/first.txt": "later\n"})
    assert living.update().document["applied"] is False
    assert living.update("--to", "HEAD").status == 0
    assert living.read("first.txt") == "later\n"
    living.commit()
    template.commit({"template/first.txt": "still later\n"})

    assert living.update().status == 0
    assert living.read("first.txt") == "still later\n"


def test_the_states_of_a_bundle_follow_each_other(template: Template, living: Living) -> None:
    for tag in ("v1.0.0.post1+g0123456789ab", "v1.0.0.post2+gba9876543210"):
        template.release(tag, {"template/first.txt": f"{tag}\n"})
        assert living.update().document["to"] == tag
        living.commit()


# What is refused


def _break_answers(living: Living) -> None:
    living.edit({".copier-answers.yml": "- a list\n"})


def _edit_answers(living: Living) -> None:
    living.replace(".copier-answers.yml", "name: notes", "name: bees")


def _delete_answers(living: Living) -> None:
    living.edit({".copier-answers.yml": None})


def _detach(living: Living) -> None:
    git(living.folder, "switch", "--quiet", "--detach")


def _make_shallow(living: Living) -> None:
    deep = living.folder.with_name("deep")
    living.edit({"more.txt": "more\n"})
    living.folder.rename(deep)
    git(deep, "clone", "--quiet", "--depth=1", deep.as_uri(), str(living.folder))


def _forget_git(living: Living) -> None:
    shutil.rmtree(living.folder / ".git")


def _forget_commits(living: Living) -> None:
    _forget_git(living)
    git(living.folder, "init", "--quiet")


def _leave_untracked(living: Living) -> None:
    write(living.folder, {"untracked.txt": "mine\n"})


def _leave_uncommitted(living: Living) -> None:
    write(living.folder, {"first.txt": "mine\n"})


def _name_unknown_version(living: Living) -> None:
    living.replace(".copier-answers.yml", "_commit: v1.0.0", "_commit: v0.9.0")


def _move_source(living: Living) -> None:
    text = living.read(".copier-answers.yml")
    living.edit({".copier-answers.yml": text.replace("_src_path: ", "_src_path: /nowhere")})


@pytest.mark.parametrize(
    "spoil,words",
    [
        (_break_answers, "holds no answers"),
        (_edit_answers, ".copier-answers.yml was edited by hand"),
        (_delete_answers, "bring it back with git checkout"),
        (_detach, "HEAD is detached"),
        (_make_shallow, "git fetch --unshallow"),
        (_forget_git, "is no git repository"),
        (_forget_commits, "Nothing is committed yet"),
        (_leave_untracked, "not committed (untracked.txt)"),
        (_leave_uncommitted, "not committed (first.txt)"),
        (_name_unknown_version, "rendered from v0.9.0, which the template"),
        (_move_source, "cannot be reached"),
    ],
)
def test_a_state_that_cannot_be_updated_is_refused_in_a_sentence(template, living, spoil, words) -> None:
    template.release("v1.1.0", {"template/first.txt": "new\n"})
    spoil(living)
    before = living.files()

    finished = living.update()

    assert finished.status in (1, 2)
    assert words in finished.document["error"]
    assert len(finished.err.strip().splitlines()) == 1
    assert living.files() == before


@pytest.mark.parametrize(
    "version,words",
    [
        ("v1.2.0", "no version v1.2.0"),
        ("v0.9.0", "older than v1.0.0"),
        ("v3.0.0", "update to v2.0.0 first"),
        ("--help", "no version --help"),
    ],
)
def test_a_version_that_cannot_be_reached_is_refused(
    template: Template, living: Living, version: str, words: str
) -> None:
    git(template.folder, "switch", "--quiet", "--orphan", "old")
    template.release("v0.9.0", FILES)
    git(template.folder, "switch", "--quiet", "main")
    template.release("v2.0.0", {"template/first.txt": "2\n"})
    template.release("v3.0.0", {"template/first.txt": "3\n"})

    finished = living.update(f"--to={version}")

    assert (finished.status, living.status()) == (2, [])
    assert words in finished.document["error"]


def test_a_folder_of_a_repository_is_refused(living: Living) -> None:
    write(living.folder / "folder", {".copier-answers.yml": living.read(".copier-answers.yml")})
    living.commit()

    assert "name the repository itself" in living.run("update", "folder").err


def test_a_template_that_moved_is_found_after_its_path_is_corrected(template: Template, living: Living) -> None:
    template.release("v1.1.0", {"template/first.txt": "new\n"})
    moved = template.folder.with_name("moved")
    template.folder.rename(moved)
    assert living.update().status == 1
    text = living.read(".copier-answers.yml")
    living.edit({".copier-answers.yml": text.replace(str(template.folder), "../moved")})

    assert living.update().status == 0
    assert documents.parse(living.read(".copier-answers.yml"))["_src_path"] == "../moved"  # type: ignore[index]


# Afterwards


def test_what_is_printed_resolves_a_conflict(template: Template, living: Living) -> None:
    living.replace("first.txt", "five", "mine")
    template.release("v1.1.0", {"template/first.txt": LINES.replace("five", "theirs")})

    told = living.run("update", "--no-verify").out
    write(living.folder, {"first.txt": LINES.replace("five", "mine and theirs")})
    for command in _commands_in(told, "git diff --check", "git add", "git commit"):
        _shell(living, command)

    assert (living.status(), living.unmerged()) == ([], {})
    assert living.update().document["applied"] is False


def test_what_is_printed_stops_at_a_marker_that_is_left(template: Template, living: Living) -> None:
    living.replace("first.txt", "five", "mine")
    template.release("v1.1.0", {"template/first.txt": LINES.replace("five", "theirs")})

    told = living.run("update", "--no-verify").out
    block = told[told.index("Then, in this folder:\n") :].partition("\n")[2].partition("\ngit diff --check names")[0]
    done = subprocess.run(["sh", "-c", block], cwd=living.folder, capture_output=True, check=False)

    assert "git commit" in block
    assert done.returncode != 0
    assert list(living.unmerged()) == ["first.txt"]


def test_what_is_printed_shows_what_the_template_changed_of_yours(template: Template, living: Living) -> None:
    template.release("v1.1.0", {"template/mine/seed.txt": "seed\nadvice\n", "template/mine/late.txt": "late\n"})

    told = living.run("update", "--no-verify").out
    advice = _commands_in(told[told.index("To read") :], "git diff ", "git show ")
    shown = [git(living.folder, *shlex.split(command, comments=True)[1:]) for command in advice]

    assert "+advice" in "".join(shown)
    assert "late\n" in shown


@pytest.mark.parametrize("edit", ["five", "one"], ids=["conflict", "clean"])
def test_what_is_printed_aborts_and_undoes(template: Template, living: Living, edit: str) -> None:
    living.edit({"first.txt": LINES.replace(edit, "mine"), "both.txt": "mine\n"})
    changed = {"template/first.txt": LINES.replace("five", "theirs"), "template/deep/a.txt": "a\n"}
    template.release("v1.1.0", {**changed, "template/folder/third.txt": None, "template/renamed.txt": "third " + LINES})
    before = living.files()

    told = living.run("update", "--no-verify").out
    assert living.files() != before
    _shell(living, _commands_in(told, "git reset")[0])

    assert (living.files(), living.status()) == (before, [])

    living.run("update", "--no-verify")
    living.commit()
    _shell(living, _commands_in(told, "git revert")[0])
    assert living.files() == before


def _commands_in(told: str, *beginnings: str) -> list[str]:
    found = [line[line.index(begin) :] for line in told.splitlines() for begin in beginnings if begin in line]
    assert found
    return [command.removesuffix(" &&") for command in found if "FILE" not in command and command.count("git") == 1]


def _shell(living: Living, command: str) -> None:
    git(living.folder, *shlex.split(command)[1:])


def test_many_repositories_are_updated_in_one_process_and_nothing_is_printed(
    template: Template, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    first, second = (Living.render(template, tmp_path / name) for name in ("first", "second"))
    first.replace("first.txt", "five", "mine")
    template.release("v1.1.0", {"template/first.txt": LINES.replace("five", "theirs")})
    capfd.readouterr()

    outcomes = [updates.update(Request(each.folder, verify=False), None, template_source()) for each in (first, second)]

    assert [outcome.repository for outcome in outcomes] == [first.folder, second.folder]
    assert [outcome.exit_status for outcome in outcomes] == [ExitStatus.CONFLICT, ExitStatus.DONE]
    assert [outcome.applied for outcome in outcomes] == [True, True]
    assert "theirs" in second.read("first.txt")
    assert capfd.readouterr() == ("", "")
