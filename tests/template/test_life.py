"""Whole lives of rendered repositories: locked, installed, linted, type-checked, tested, started and called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests import smoke
from tests.servers.started import TRAPS
from tests.support.combinations import label, lives

pytestmark = [pytest.mark.life, pytest.mark.network, pytest.mark.slow]
SAMPLE = [lives()[number] for number in (0, 1, 2, 4, 7)]
"""Each transport, with and without tokens and a Redis; every other set lives each night, among the smoke projects."""


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("answers", SAMPLE, ids=label)
def test_a_repository_lives(answers: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = tmp_path / "repository"
    smoke.create(answers, repository)
    *static, pytest_command = smoke.CHECKS
    for command in static:
        smoke.check(repository, *command)
    for name, value in TRAPS.items():
        monkeypatch.setenv(name, value)
    shaped = _shaped_by_provider(answers)
    smoke.check(repository, *pytest_command, *(f"tests/runtime/test_{name}.py" for name in shaped))
    smoke.check_parts(repository, *(["verified_tokens"] if shaped else []))
    if answers == lives()[4]:
        assert smoke.fitting_parts(repository) == smoke.PARTS, "each part is tested in the cluster at least"
    smoke.untouched(repository)


def _shaped_by_provider(answers: dict[str, Any]) -> list[str]:
    """Tests of the runtime: none for stdio, http without tokens and a cluster, which run all."""
    if answers in (lives()[0], lives()[1], lives()[4]):
        return []
    return ["authentication", "policy", "settings"]
