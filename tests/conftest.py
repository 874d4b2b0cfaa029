"""Rendered repositories that tests share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deployments import Edited, Repositories, render


@pytest.fixture(autouse=True, scope="session")
def unknown_person() -> Iterator[None]:
    """Nobody whom git knows: what `new` suggests is the same on every machine."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        environment.setenv("GIT_CONFIG_SYSTEM", os.devnull)
        yield


@pytest.fixture(scope="session")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> Repositories:
    """Each repository, rendered when it is first asked for."""
    folder = tmp_path_factory.mktemp("deployments")

    def find(name: str) -> Path:
        return folder / name if (folder / name).exists() else render(name, folder / name)

    return find


@pytest.fixture
def edited(repositories: Repositories, tmp_path: Path) -> Edited:
    """A copy of a repository in which one text of one file is replaced."""

    def edit(name: str, path: str, old: str, new: str) -> Path:
        folder = Path(shutil.copytree(repositories(name), tmp_path / "repository"))
        text = (folder / path).read_text(encoding="utf-8")
        assert old in text, f"{path} does not hold {old!r}"
        (folder / path).write_text(text.replace(old, new), encoding="utf-8")
        return folder

    return edit
