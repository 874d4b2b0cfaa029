"""Rendered repositories that tests share, and a second run of only what the last one skipped."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cache import find_cache
from tests.support.deployments import Edited, Repositories, render

_SKIPPED = "mcp-scaffold/skipped"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--skipped", action="store_true", help="run only what the last run skipped, for lack of a tool")


def pytest_configure(config: pytest.Config) -> None:
    cache = find_cache(config)
    if cache is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Skipped(cache))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("skipped"):
        return
    cache = find_cache(config)
    if cache is None:
        raise pytest.UsageError("--skipped needs what the last run left in pytest's cache, which is turned off")
    skipped = cache.get(_SKIPPED, [])
    others = [item for item in items if _own_id(item.nodeid) not in skipped]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in others]


class _Skipped:
    """Remembers what a run skipped."""

    def __init__(self, cache: pytest.Cache) -> None:
        self._cache = cache
        self._ids: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            self._ids.add(_own_id(report.nodeid))

    def pytest_sessionfinish(self) -> None:
        self._cache.set(_SKIPPED, sorted(self._ids))


def _own_id(nodeid: str) -> str:
    """The id without the group that pytest-xdist puts behind it."""
    return re.sub(r"@[^@\]]*$", "", nodeid)


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
