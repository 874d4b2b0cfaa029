"""The distribution as people get it: built, installed without a network, used, and replaced by a newer one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import pytest
from uv import find_uv_bin

from release import check as release_check
from release.bundle import BUNDLE_NAME, repository_in
from scaffold.template.source import CANONICAL_URL
from tests.support.template import CHECKOUT

PROJECT = CHECKOUT
PROBE = "template/update-probe.txt"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("distribution"),  # the wheels are built once
    pytest.mark.skipif(os.name == "nt", reason="the printed exports are for POSIX shells"),
]


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def build(project: Path, *targets: str, into: Path) -> Path:
    """Build without isolation: the build's requirements are installed beside the tests."""
    for target in targets:
        run(sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(into), cwd=project)
    return next(into.glob("*.whl"), into)


@dataclass(frozen=True)
class Installation:
    """A virtual environment that holds one wheel; its dependencies are those of the tests."""

    environment: Path

    def shell(self, command: str, *, cwd: Path) -> str:
        """Run a shell command in it, with no way to a network."""
        unreachable = "http://127.0.0.1:9"
        return run(
            "sh",
            "-euc",
            command,
            cwd=cwd,
            PATH=f"{self.environment / 'bin'}{os.pathsep}{os.environ['PATH']}",
            GIT_ALLOW_PROTOCOL="file",
            HTTP_PROXY=unreachable,
            HTTPS_PROXY=unreachable,
            UV_OFFLINE="1",
            PYTHONPATH="",
            COPIER_CACHE_DIR=str(self.environment / "cache"),
        )


def install(wheel: Path, environment: Path) -> Installation:
    run(
        find_uv_bin(),
        "venv",
        "--quiet",
        "--offline",
        "--clear",
        "--python",
        sys.executable,
        str(environment),
        cwd=wheel.parent,
    )
    packages = next(environment.glob("lib/python*/site-packages"))
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    run(
        find_uv_bin(),
        "pip",
        "install",
        "--quiet",
        "--offline",
        "--no-deps",
        str(wheel),
        cwd=environment,
        VIRTUAL_ENV=str(environment),
    )
    copier = environment / "bin" / "copier"
    copier.write_text('#!/bin/sh\nexec "$(dirname "$0")/python" -m copier "$@"\n')
    copier.chmod(0o755)
    return Installation(environment)


def release(project: Path, version: str) -> None:
    """Give the project a version, commit and tag it."""
    file = project / "pyproject.toml"
    file.write_text(re.sub(r'(?m)^version = ".*"$', f'version = "{version}"', file.read_text(), count=1))
    run("git", "add", "--all", cwd=project)
    run("git", "commit", "--quiet", "--message", f"Release {version}", cwd=project)
    run("git", "tag", f"v{version}", cwd=project)


def start_repository(folder: Path) -> None:
    run("git", "init", "--quiet", "--initial-branch=main", cwd=folder)
    run("git", "config", "user.name", "Test", cwd=folder)
    run("git", "config", "user.email", "test@example.com", cwd=folder)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This project as it lies here, with a history of two releases."""
    folder = tmp_path_factory.mktemp("project")
    names = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=PROJECT).split("\0")
    for name in filter(None, names):
        if (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, folder / name)
    start_repository(folder)
    (folder / PROBE).write_text("one\ntwo\nthree\nfour\nfive\nsix\nseven\n")
    release(folder, "1.0.0")
    return folder


@pytest.fixture(scope="module")
def wheels(project: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The wheels of the two releases; the second changes the probe's last line and adds a file."""
    first = build(project, "wheel", into=tmp_path_factory.mktemp("first"))
    (project / PROBE).write_text((project / PROBE).read_text().replace("seven", "SEVEN"))
    (project / "template" / "update-probe-new.txt").write_text("new\n")
    release(project, "1.1.0")
    return first, build(project, "wheel", into=tmp_path_factory.mktemp("second"))


@pytest.fixture(scope="module")
def first(wheels: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return install(wheels[0], tmp_path_factory.mktemp("environment") / "first")


@pytest.fixture(scope="module")
def second(wheels: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return install(wheels[1], tmp_path_factory.mktemp("environment") / "it's the second")


@pytest.fixture
def rendered(first: Installation, tmp_path: Path) -> Path:
    """A repository rendered by the first wheel."""
    first.shell("mcp-scaffold new server --defaults --no-lock --no-git --no-prove", cwd=tmp_path)
    start_repository(tmp_path / "server")
    commit_all(tmp_path / "server", "Render")
    return tmp_path / "server"


def commit_all(repository: Path, message: str) -> None:
    run("git", "add", "--all", cwd=repository)
    run("git", "commit", "--quiet", "--message", message, cwd=repository)


def test_the_wheel_installs_one_package(wheels: tuple[Path, Path]) -> None:
    names = ZipFile(wheels[0]).namelist()

    assert {name.split("/")[0] for name in names} == {"scaffold", "mcp_scaffold-1.0.0.dist-info"}
    assert {f"scaffold/_template/{BUNDLE_NAME}", "scaffold/_template/copier.yml"} <= set(names)


def test_the_wheel_carries_nothing_that_only_a_build_needs(wheels: tuple[Path, Path]) -> None:
    names = ZipFile(wheels[0]).namelist()

    carried = {name.removeprefix("scaffold/_hooks/") for name in names if name.startswith("scaffold/_hooks/")}
    assert carried == {"__init__.py", "lock.py", "next_steps.py", "repository.py"}
    assert not [name for name in names if "release/" in name]


def test_the_wheel_is_reproducible(project: Path, wheels: tuple[Path, Path], tmp_path: Path) -> None:
    assert build(project, "wheel", into=tmp_path).read_bytes() == wheels[1].read_bytes()


def test_the_wheels_pass_the_release_check(project: Path, wheels: tuple[Path, Path]) -> None:
    checkout = repository_in(project)

    assert release_check.check(wheels[1], checkout) == []
    assert release_check.check(wheels[0], checkout) == ["The release v1.1.0 is missing from the bundle."]


@pytest.fixture(scope="module")
def extracted(project: Path, wheels: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution of the second release."""
    folder = tmp_path_factory.mktemp("sdist")
    build(project, "sdist", into=folder)
    shutil.unpack_archive(next(folder.glob("*.tar.gz")), folder)
    return folder / "mcp_scaffold-1.1.0"


def test_a_wheel_from_the_sdist_is_the_same_and_needs_no_git(
    extracted: Path, wheels: tuple[Path, Path], tmp_path: Path
) -> None:
    run(
        *(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)),
        cwd=extracted,
        PATH=str(tmp_path),
    )

    assert next(tmp_path.glob("*.whl")).read_bytes() == wheels[1].read_bytes()


def test_an_extracted_sdist_takes_its_bundle(extracted: Path) -> None:
    shown = run(
        *(
            sys.executable,
            "-c",
            "from scaffold.template.source import template_source as find; print(find().kind, find().ref)",
        ),
        cwd=extracted,
        PYTHONPATH="",
    )

    assert shown == "bundle v1.1.0\n"


def test_the_installed_command_knows_its_version(first: Installation, tmp_path: Path) -> None:
    assert "1.0.0" in first.shell("mcp-scaffold --version", cwd=tmp_path)


def test_the_installed_command_tells_where_the_template_comes_from(second: Installation, tmp_path: Path) -> None:
    shown = second.shell("mcp-scaffold source", cwd=tmp_path)

    assert "v1.1.0" in shown
    assert CANONICAL_URL in shown
    assert second.shell('eval "$(mcp-scaffold source --env)"; git ls-remote --tags ' + CANONICAL_URL, cwd=tmp_path)


def test_a_render_offline_records_no_place_of_this_machine(rendered: Path, tmp_path: Path) -> None:
    answers = (rendered / ".copier-answers.yml").read_text()

    assert f"_src_path: {CANONICAL_URL}\n" in answers
    assert "_commit: v1.0.0\n" in answers
    assert str(tmp_path) not in answers


def test_a_render_is_the_same_from_the_wheel_and_from_plain_copier(
    first: Installation, rendered: Path, tmp_path: Path
) -> None:
    first.shell(
        'eval "$(mcp-scaffold source --env)"; '
        f"copier copy --quiet --defaults --data project_name=server {CANONICAL_URL} plain",
        cwd=tmp_path,
    )

    assert files(tmp_path / "plain") == files(rendered)


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file() and ".git" not in path.relative_to(folder).parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_plain_copier_updates_from_wheel_to_wheel_and_keeps_an_edit(second: Installation, rendered: Path) -> None:
    probe = rendered / "update-probe.txt"
    probe.write_text(probe.read_text().replace("one", "ONE, mine"))
    (rendered / "mine.txt").write_text("mine\n")
    commit_all(rendered, "Edit")

    second.shell('eval "$(mcp-scaffold source --env)"; copier update --defaults --quiet', cwd=rendered)

    assert probe.read_text() == "ONE, mine\ntwo\nthree\nfour\nfive\nsix\nSEVEN\n"
    assert (rendered / "mine.txt").read_text() == "mine\n"
    assert (rendered / "update-probe-new.txt").read_text() == "new\n"
    assert "_commit: v1.1.0\n" in (rendered / ".copier-answers.yml").read_text()
    changed = run("git", "status", "--porcelain", cwd=rendered).split()[1::2]
    assert sorted(changed) == [".copier-answers.yml", "update-probe-new.txt", "update-probe.txt"]

    commit_all(rendered, "Update")
    second.shell('eval "$(mcp-scaffold source --env)"; copier update --defaults --quiet', cwd=rendered)

    assert not run("git", "status", "--porcelain", cwd=rendered), "there was nothing new"


def test_the_installed_command_updates_from_wheel_to_wheel_offline(second: Installation, rendered: Path) -> None:
    probe = rendered / "update-probe.txt"
    probe.write_text(probe.read_text().replace("one", "ONE, mine"))
    commit_all(rendered, "Edit")

    second.shell("mcp-scaffold update --no-verify", cwd=rendered)

    assert probe.read_text() == "ONE, mine\ntwo\nthree\nfour\nfive\nsix\nSEVEN\n"
    assert (rendered / "update-probe-new.txt").read_text() == "new\n"
    answers = (rendered / ".copier-answers.yml").read_text()
    assert f"_commit: v1.1.0\n_src_path: {CANONICAL_URL}\n" in answers


def test_plain_copier_updates_from_a_checkout(first: Installation, project: Path, tmp_path: Path) -> None:
    """From a commit to the next where there is no tag, and from there to the first tag."""
    checkout = tmp_path / "checkout"
    run("git", "clone", "--quiet", "--no-tags", str(project), str(checkout), cwd=tmp_path)
    run("git", "config", "user.name", "Test", cwd=checkout)
    run("git", "config", "user.email", "test@example.com", cwd=checkout)
    server = tmp_path / "server"
    first.shell(f"copier copy --quiet --defaults {checkout} {server}", cwd=tmp_path)
    start_repository(server)
    (server / "mine.txt").write_text("mine\n")
    commit_all(server, "Render")

    for text, tag in (("first", None), ("second", "v2.0.0")):
        (checkout / PROBE).write_text(f"{text}\n")
        commit_all(checkout, text)
        if tag:
            run("git", "tag", tag, cwd=checkout)
        first.shell("copier update --defaults --quiet", cwd=server)
        assert (server / "update-probe.txt").read_text() == f"{text}\n"
        commit_all(server, text)
