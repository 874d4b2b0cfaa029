"""A repository of a test's own, copied from one, and a folder for its results."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from scaffold.cli import app
from tests.support import evidence as small


@dataclass(frozen=True)
class Case:
    """A repository, results, and what the command says of both."""

    repository: Path
    results: Path
    capsys: pytest.CaptureFixture[str]

    @property
    def head(self) -> str:
        return small.git(self.repository, "rev-parse", "HEAD")

    @property
    def written(self) -> Path:
        return self.repository / "evidence"

    def run(self, *options: str) -> tuple[int, dict[str, Any]]:
        """The status and the document of the command on the results that exist."""
        return self._document("--from", str(self.results), *options)

    def verify(self, statement: Path | None = None) -> tuple[int, dict[str, Any]]:
        """The status and the document of the check of a statement, the written one by default."""
        return self._document("--verify", str(statement or self.written / "statement.json"))

    def _document(self, *options: str) -> tuple[int, dict[str, Any]]:
        status = app(["evidence", str(self.repository), "--json", *options], standalone_mode=False)
        return status, json.loads(self.capsys.readouterr().out)


@pytest.fixture(scope="session")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small.make_repository(tmp_path_factory.mktemp("small"))


@pytest.fixture
def case(committed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Case:
    (tmp_path / "results").mkdir()
    return Case(Path(shutil.copytree(committed, tmp_path / "small")), tmp_path / "results", capsys)
