"""The results of a rendered repository's tests say of which commit they are."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.support.deployments import Repositories
from tests.support.evidence import commit, git


@pytest.fixture
def repository(repositories: Repositories, tmp_path: Path) -> Path:
    """The shared part of the rendered tests, with one that passes."""
    folder = tmp_path / "repository"
    (folder / "tests").mkdir(parents=True)
    shutil.copy(repositories("stdio") / "tests/conftest.py", folder / "tests")
    shutil.copy(repositories("stdio") / ".gitignore", folder)
    (folder / "tests/test_one.py").write_text("def test_one():\n    pass\n")
    return folder


def properties(repository: Path, path: str | None = None) -> dict[str, str | None]:
    """The properties of the suite after a run with these programs."""
    junit = repository / "evidence/junit.xml"
    command = [sys.executable, "-m", "pytest", "--quiet", "-c", "/dev/null", f"--rootdir={repository}"]
    done = subprocess.run(
        [*command, f"--junit-xml={junit}", "tests"],
        cwd=repository,
        env={"PATH": path or os.environ["PATH"], "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {str(each.get("name")): each.get("value") for each in ET.parse(junit).iter("property")}


def test_they_name_the_commit_and_what_is_not_in_it(repository: Path) -> None:
    git(repository, "init", "--quiet")
    head = commit(repository)
    assert properties(repository) == {"commit": head, "uncommitted": "false"}

    (repository / "tests/test_two.py").write_text("def test_two():\n    pass\n")
    assert properties(repository) == {"commit": head, "uncommitted": "true"}


def test_before_the_first_commit_they_name_none(repository: Path) -> None:
    git(repository, "init", "--quiet")

    assert properties(repository)["commit"] == ""


def test_without_git_they_name_nothing(repository: Path, tmp_path: Path) -> None:
    assert properties(repository, path=str(tmp_path)) == {}
