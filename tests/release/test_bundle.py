"""The template's bundle: what it holds, how it names what was never released, and the check before a release."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.version import Version

from release import check as release_check
from release.bundle import BUNDLE_NAME, BundleError, build, opened, repository_in
from tests.support.template import CHECKOUT


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, newline="\n")


def commit(folder: Path, name: str, text: str) -> None:
    write(folder, name, text)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", f"Change {name}")


def tags(bundle: Path) -> list[str]:
    with opened(bundle) as repository:
        return sorted(repository("tag").splitlines(), key=Version)


def content(bundle: Path, tag: str, name: str) -> str:
    with opened(bundle) as repository:
        return repository("show", f"{tag}:{name}")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose template was released as v1.0.0 and v1.1.0."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "config", "user.name", "Test")
    git(folder, "config", "user.email", "test@example.com")
    for name, text in {
        ".gitignore": "*.log\n",
        ".gitattributes": "* text=auto eol=lf\n",
        ".pre-commit-config.yml": "repos: []\n",
        "README.md": "Read me\n",
        "copier.yml": "_subdirectory: template\n",
        "data/providers.yml": "okta: {}\n",
        "renamed.yml": "name: title\n",
        "includes/macros.jinja": "",
        "scaffold/cli.py": "",
    }.items():
        write(folder, name, text)
    commit(folder, "template/a.txt", "1.0\n")
    git(folder, "tag", "v1.0.0")
    commit(folder, "template/a.txt", "1.1\n")
    git(folder, "tag", "--annotate", "--message=second", "v1.1.0")
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "target"


def test_it_holds_each_release_with_its_own_content(checkout: Path, target: Path) -> None:
    assert build(checkout, target) == "v1.1.0"

    bundle = target / BUNDLE_NAME
    assert [tag for tag in tags(bundle) if not Version(tag).local] == ["v1.0.0", "v1.1.0"]
    assert content(bundle, "v1.0.0", "template/a.txt") == "1.0"
    assert content(bundle, "v1.1.0", "template/a.txt") == "1.1"
    assert content(bundle, "HEAD", "template/a.txt") == "1.1"


def test_it_holds_only_what_a_render_needs(checkout: Path, target: Path) -> None:
    build(checkout, target)

    with opened(target / BUNDLE_NAME) as repository:
        names = repository("ls-tree", "-r", "--name-only", "v1.1.0").splitlines()

    assert names == [
        ".gitattributes",
        "copier.yml",
        "data/providers.yml",
        "includes/macros.jinja",
        "renamed.yml",
        "template/a.txt",
    ]


def test_the_question_files_lie_beside_it(checkout: Path, target: Path) -> None:
    build(checkout, target)

    beside = sorted(path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file())
    assert beside == ["copier.yml", "data/providers.yml", "renamed.yml", BUNDLE_NAME]
    assert (target / "copier.yml").read_bytes() == (checkout / "copier.yml").read_bytes()


def test_the_same_input_gives_the_same_bytes(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(checkout, tmp_path / "one")
    git(checkout, "gc", "--quiet", "--aggressive")
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Somebody")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "2")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "pack.window")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "0")
    monkeypatch.setenv("GIT_CONFIG_KEY_1", "tag.gpgSign")
    monkeypatch.setenv("GIT_CONFIG_VALUE_1", "true")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(checkout), str(clone))
    build(clone, tmp_path / "two")

    assert (tmp_path / "one" / BUNDLE_NAME).read_bytes() == (tmp_path / "two" / BUNDLE_NAME).read_bytes()


def test_building_leaves_the_checkout_alone(checkout: Path, target: Path) -> None:
    write(checkout, "template/a.txt", "changed\n")
    before = git(checkout, "count-objects", "-v"), git(checkout, "for-each-ref"), git(checkout, "status", "--porcelain")

    build(checkout, target)

    after = git(checkout, "count-objects", "-v"), git(checkout, "for-each-ref"), git(checkout, "status", "--porcelain")
    assert before == after


def test_a_commit_that_leaves_the_template_alone_is_still_the_release(checkout: Path, target: Path) -> None:
    commit(checkout, "README.md", "Read me twice\n")

    assert build(checkout, target) == "v1.1.0"


def test_an_unreleased_template_cannot_pass_for_a_release(checkout: Path, target: Path) -> None:
    commit(checkout, "template/a.txt", "next\n")

    tip = Version(build(checkout, target))

    assert tip.local is not None
    assert Version("1.1.0") < tip < Version("1.1.1")
    assert not tip.is_prerelease, "plain `copier update` would pass over it"


def test_uncommitted_changes_count_as_one_more_step(checkout: Path, target: Path) -> None:
    commit(checkout, "template/a.txt", "next\n")
    committed = Version(build(checkout, target))
    write(checkout, "template/new.txt", "untracked\n")
    write(checkout, "template/x.log", "ignored\n")

    tip = build(checkout, target)

    assert Version(tip) > committed
    assert content(target / BUNDLE_NAME, tip, "template/new.txt") == "untracked"
    assert not content(target / BUNDLE_NAME, tip, "template").count("x.log")


def test_a_deleted_file_is_gone(checkout: Path, target: Path) -> None:
    (checkout / "includes" / "macros.jinja").unlink()

    tip = build(checkout, target)

    assert "includes" not in content(target / BUNDLE_NAME, tip, "")


def test_every_state_since_the_release_before_stays_updatable(checkout: Path, target: Path) -> None:
    commit(checkout, "template/a.txt", "one\n")
    first = build(checkout, target)
    commit(checkout, "template/a.txt", "two\n")
    second = build(checkout, target)
    assert {first, second} <= set(tags(target / BUNDLE_NAME))

    git(checkout, "tag", "v1.2.0")

    assert build(checkout, target) == "v1.2.0"
    assert {"v1.0.0", "v1.1.0", first, second, "v1.2.0"} <= set(tags(target / BUNDLE_NAME))
    assert content(target / BUNDLE_NAME, first, "template/a.txt") == "one"


def test_a_merge_does_not_rename_what_older_bundles_hold(checkout: Path, target: Path) -> None:
    git(checkout, "switch", "--quiet", "--create", "side")
    commit(checkout, "template/b.txt", "side\n")
    git(checkout, "switch", "--quiet", "main")
    commit(checkout, "template/a.txt", "one\n")
    before = build(checkout, target)
    git(checkout, "merge", "--quiet", "--no-edit", "side")

    after = build(checkout, target)

    assert before in tags(target / BUNDLE_NAME)
    assert Version(after) > Version(before)


def test_a_fix_of_an_older_release_counts_from_that_one(checkout: Path, target: Path) -> None:
    git(checkout, "switch", "--quiet", "--create", "fixes", "v1.0.0")
    commit(checkout, "template/a.txt", "1.0 fixed\n")
    assert build(checkout, target).startswith("v1.0.0.post1+g")

    git(checkout, "tag", "v1.0.1")

    assert build(checkout, target) == "v1.0.1"
    assert "v1.1.0" in tags(target / BUNDLE_NAME)


def test_tags_that_are_no_versions_are_passed_over(checkout: Path, target: Path) -> None:
    for tag in ("vnext", "nightly", "v1.1.0+local"):
        git(checkout, "tag", tag)

    build(checkout, target)

    assert {"vnext", "nightly", "v1.1.0+local"}.isdisjoint(tags(target / BUNDLE_NAME))


def test_releases_are_ordered_as_versions(checkout: Path, target: Path) -> None:
    for number in ("v1.9.0", "v1.10.0"):
        commit(checkout, "template/a.txt", f"{number}\n")
        git(checkout, "tag", number)
    commit(checkout, "template/a.txt", "next\n")

    assert build(checkout, target).startswith("v1.10.0.post1+g")


def test_without_a_release_it_counts_from_zero(checkout: Path, target: Path) -> None:
    git(checkout, "tag", "--delete", "v1.0.0", "v1.1.0")

    assert build(checkout, target).startswith("v0.0.0.post2+g")


def test_a_folder_without_git_is_one_unreleased_state(checkout: Path, target: Path) -> None:
    shutil.rmtree(checkout / ".git")

    tip = build(checkout, target)

    assert tip.startswith("v0.0.0.post1+g")
    assert content(target / BUNDLE_NAME, tip, "template/a.txt") == "1.1"


def test_a_shallow_clone_builds(checkout: Path, target: Path, tmp_path: Path) -> None:
    clone = tmp_path / "shallow"
    git(tmp_path, "clone", "--quiet", "--depth=1", checkout.as_uri(), str(clone))

    build(clone, target)

    assert content(target / BUNDLE_NAME, "HEAD", "template/a.txt") == "1.1"


def test_a_folder_without_a_template_is_refused(tmp_path: Path, target: Path) -> None:
    write(tmp_path / "empty", "providers.yml", "")

    with pytest.raises(BundleError, match=r"no copier\.yml"):
        build(tmp_path / "empty", target)


# The check before a release


def wheel_of(checkout: Path, folder: Path, version: str) -> Path:
    """What the check reads of a wheel: its name, and the bundle inside."""
    build(checkout, folder / "built")
    wheel = folder / f"mcp_scaffold-{version}-py3-none-any.whl"
    with ZipFile(wheel, "w") as archive:
        archive.write(folder / "built" / BUNDLE_NAME, release_check.BUNDLE_IN_WHEEL)
    return wheel


def problems(wheel: Path, checkout: Path) -> str:
    return "\n".join(release_check.check(wheel, repository_in(checkout)))


def test_a_true_wheel_passes(checkout: Path, tmp_path: Path) -> None:
    assert not problems(wheel_of(checkout, tmp_path, "1.1.0"), checkout)


def test_a_missing_release_is_seen(checkout: Path, tmp_path: Path) -> None:
    wheel = wheel_of(checkout, tmp_path, "1.1.0")
    git(checkout, "tag", "v1.0.5", "v1.0.0")

    assert "The release v1.0.5 is missing from the bundle." in problems(wheel, checkout)


def test_other_content_under_a_released_tag_is_seen(checkout: Path, tmp_path: Path) -> None:
    wheel = wheel_of(checkout, tmp_path, "1.1.0")
    commit(checkout, "template/a.txt", "another 1.1\n")
    git(checkout, "tag", "--force", "v1.1.0")

    assert "The template under v1.1.0 is not the one that was released." in problems(wheel, checkout)


def test_a_tag_that_was_never_released_is_seen(checkout: Path, tmp_path: Path) -> None:
    wheel = wheel_of(checkout, tmp_path, "1.1.0")
    git(checkout, "tag", "--delete", "v1.0.0")

    assert "The bundle holds v1.0.0, which was never released." in problems(wheel, checkout)


def test_a_wheel_with_a_newer_template_than_its_version_is_seen(checkout: Path, tmp_path: Path) -> None:
    commit(checkout, "template/a.txt", "newer\n")

    assert "The wheel is version 1.1.0, but its template is v1.1.0.post1+g" in problems(
        wheel_of(checkout, tmp_path, "1.1.0"), checkout
    )


def test_a_wheel_of_another_version_is_seen(checkout: Path, tmp_path: Path) -> None:
    assert "The wheel is version 1.2.0, but its template is v1.1.0." in problems(
        wheel_of(checkout, tmp_path, "1.2.0"), checkout
    )


def test_a_wheel_without_a_bundle_is_seen(checkout: Path, tmp_path: Path) -> None:
    wheel = tmp_path / "mcp_scaffold-1.1.0-py3-none-any.whl"
    with ZipFile(wheel, "w") as archive:
        archive.writestr("scaffold/__init__.py", "")

    assert f"There is no {release_check.BUNDLE_IN_WHEEL} in the wheel" in problems(wheel, checkout)


def test_a_broken_bundle_is_seen(checkout: Path, tmp_path: Path) -> None:
    wheel = tmp_path / "mcp_scaffold-1.1.0-py3-none-any.whl"
    with ZipFile(wheel, "w") as archive:
        archive.writestr(release_check.BUNDLE_IN_WHEEL, "no bundle")

    assert problems(wheel, checkout)


def test_a_shallow_checkout_proves_nothing(checkout: Path, tmp_path: Path) -> None:
    wheel = wheel_of(checkout, tmp_path, "1.1.0")
    clone = tmp_path / "shallow"
    git(tmp_path, "clone", "--quiet", "--depth=1", checkout.as_uri(), str(clone))

    assert "shallow" in problems(wheel, clone)


def test_the_command_fails_with_a_sentence(checkout: Path, tmp_path: Path) -> None:
    wheel = wheel_of(checkout, tmp_path, "1.2.0")
    command = [sys.executable, "-m", "release.check"]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}

    true = subprocess.run([*command, wheel_of(checkout, tmp_path, "1.1.0")], cwd=checkout, env=environment, check=False)
    false = subprocess.run(
        [*command, wheel], cwd=checkout, env=environment, capture_output=True, text=True, check=False
    )
    none = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, check=False)

    assert (true.returncode, false.returncode, none.returncode) == (0, 1, 2)
    assert "The wheel is version 1.2.0" in false.stderr
