"""Where the template comes from, and how git and Copier are told."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from release import bundle
from scaffold.commands.source import show_source
from scaffold.template import source
from scaffold.template.source import CANONICAL_URL, SourceError, TemplateSource, template_source


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with one commit."""
    folder = tmp_path / "check out"
    folder.mkdir()
    (folder / "scaffold").mkdir()
    (folder / "copier.yml").write_text("_subdirectory: template\n")
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "config", "user.name", "Test")
    git(folder, "config", "user.email", "test@example.com")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message=first")
    return folder


@pytest.fixture
def installed(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation from a wheel: the package, and no checkout around it. Returns the bundle."""
    package = tmp_path / "it's site" / "scaffold"
    git(checkout, "tag", "v1.2.0")
    bundle.build(checkout, package / "_template")
    monkeypatch.setattr(source, "_PACKAGE", package)
    return package / "_template" / bundle.BUNDLE_NAME


def test_a_checkout_is_rendered_as_it_lies_there(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "_PACKAGE", checkout / "scaffold")

    found = template_source()

    assert (found.kind, found.url, found.ref) == ("checkout", checkout.as_posix(), "HEAD")
    assert (found.questions / "copier.yml").is_file()
    assert found.environment({"GIT_CONFIG_COUNT": "1"}) == {}


def test_the_version_of_a_checkout_tells_how_far_it_is_past_a_tag(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "_PACKAGE", checkout / "scaffold")
    git(checkout, "tag", "v1.0.0")
    assert template_source().version == "v1.0.0"

    git(checkout, "commit", "--quiet", "--allow-empty", "--message=second")
    assert template_source().version.startswith("v1.0.0-1-g")

    (checkout / "copier.yml").write_text("_subdirectory: other\n")
    assert template_source().version.endswith("-dirty")


def test_an_installation_takes_its_bundle_under_the_canonical_url(installed: Path) -> None:
    found = template_source()

    assert (found.kind, found.url, found.ref, found.version) == ("bundle", CANONICAL_URL, "v1.2.0", "v1.2.0")
    assert found.location == installed
    assert (found.questions / "copier.yml").is_file()


def test_a_checkout_wins_over_a_bundle_left_in_it(
    checkout: Path, installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_over = checkout / "scaffold" / "_template"
    left_over.mkdir()
    (left_over / installed.name).write_bytes(installed.read_bytes())
    monkeypatch.setattr(source, "_PACKAGE", checkout / "scaffold")

    assert template_source().kind == "checkout"


def test_an_installation_without_a_template_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "_PACKAGE", tmp_path / "scaffold")

    with pytest.raises(SourceError, match="There is no template in"):
        template_source()


def test_a_checkout_without_git_says_so(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "_PACKAGE", checkout / "scaffold")
    monkeypatch.setenv("PATH", os.devnull)

    with pytest.raises(SourceError, match="git is not installed"):
        _ = template_source().version


@pytest.mark.parametrize("header", [b"", b"# v2 git bundle\n\nPACK", b"# v2 git bundle\n00 HEAD\n11 refs/tags/v1\n\n"])
def test_a_bundle_that_names_no_version_is_refused(installed: Path, header: bytes) -> None:
    installed.write_bytes(header)

    with pytest.raises(SourceError, match="names no version"):
        template_source()


def test_the_environment_maps_the_canonical_url_to_the_bundle(installed: Path) -> None:
    environment = {**os.environ, **template_source().environment({}), "GIT_ALLOW_PROTOCOL": "file"}

    listed = subprocess.run(
        ["git", "ls-remote", "--tags", CANONICAL_URL], env=environment, capture_output=True, text=True, check=True
    )

    assert "refs/tags/v1.2.0" in listed.stdout


def test_the_environment_keeps_what_is_configured_already(installed: Path) -> None:
    configured = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.editor", "GIT_CONFIG_VALUE_0": "vi"}

    environment = template_source().environment(configured)

    assert environment == {
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "core.editor",
        "GIT_CONFIG_VALUE_0": "vi",
        "GIT_CONFIG_KEY_1": f"url.{installed.as_posix()}.insteadOf",
        "GIT_CONFIG_VALUE_1": CANONICAL_URL,
    }


def test_the_environment_replaces_the_mapping_of_another_installation(installed: Path) -> None:
    older = {
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "url./older/template.bundle.insteadof",
        "GIT_CONFIG_VALUE_0": CANONICAL_URL,
        "GIT_CONFIG_KEY_1": "url.git@example.com:.insteadOf",
        "GIT_CONFIG_VALUE_1": "https://example.com/",
    }

    environment = template_source().environment(older)

    assert environment["GIT_CONFIG_COUNT"] == "2"
    assert environment["GIT_CONFIG_KEY_0"] == "url.git@example.com:.insteadOf"
    assert environment["GIT_CONFIG_KEY_1"] == f"url.{installed.as_posix()}.insteadOf"


def test_setting_the_environment_twice_changes_nothing(installed: Path) -> None:
    once = template_source().environment({})

    assert template_source().environment(once) == once


@pytest.mark.parametrize("count", ["", "-1", "many"])
def test_a_count_that_git_would_refuse_counts_nothing(installed: Path, count: str) -> None:
    assert template_source().environment({"GIT_CONFIG_COUNT": count})["GIT_CONFIG_COUNT"] == "1"


@pytest.mark.skipif(os.name == "nt", reason="the printed lines are for POSIX shells")
def test_the_printed_exports_survive_eval(
    installed: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GIT_CONFIG_COUNT", raising=False)
    show_source(env=True)

    printed = capsys.readouterr().out
    shown = subprocess.run(
        ["sh", "-euc", f'eval "$(printf %s {shlex.quote(printed)})"; env'], capture_output=True, text=True, check=True
    )

    assert f"GIT_CONFIG_KEY_0=url.{installed.as_posix()}.insteadOf" in shown.stdout.splitlines()
    assert f"GIT_CONFIG_VALUE_0={CANONICAL_URL}" in shown.stdout.splitlines()


def test_the_exports_of_a_checkout_change_nothing(
    checkout: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "_PACKAGE", checkout / "scaffold")

    show_source(env=True)

    assert all(line.startswith("#") for line in capsys.readouterr().out.splitlines())


def test_the_description_names_kind_version_and_place(installed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show_source()

    printed = capsys.readouterr().out
    for fact in ("bundle", "v1.2.0", str(installed), CANONICAL_URL, 'eval "$(mcp-scaffold source --env)"'):
        assert fact in printed


def test_nobody_can_take_the_canonical_url() -> None:
    """RFC 2606 reserves example.com."""
    assert CANONICAL_URL.startswith("https://example.com/")


def test_a_source_cannot_be_changed(installed: Path) -> None:
    found: TemplateSource = template_source()

    with pytest.raises(AttributeError):
        found.ref = "main"  # type: ignore[misc]
