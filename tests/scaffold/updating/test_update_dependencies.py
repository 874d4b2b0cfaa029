"""Dependencies that a person added and those that a newer template brings stand side by side after an update."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import uv

from tests.support.living import Living, Template, environment
from tests.support.releases import live, release
from tests.support.template import CHECKOUT

PYPROJECT = "template/pyproject.toml.jinja"
BROUGHT = {
    '  "limits>=': '  "hupper>=1.12,<2",\n',
    "  # Yours go below, ": '  "zipp>=3,<5",\n',
    '  "mypy>=': '  "furl>=2,<3",\n',
    "  # Yours go below.\n": '  "zstandard>=0.25,<1",\n',
}
"""What the newer template brings, and before what: beside names that a person adds, and last."""


OURS = ["update", "--no-verify", "--json"]
PLAIN = ["update", "--defaults", "--quiet"]


@pytest.mark.parametrize("module, arguments", [("scaffold", OURS), ("copier", PLAIN)])
def test_both_are_there_without_a_conflict(module: str, arguments: list[str], tmp_path: Path) -> None:
    source = release(CHECKOUT, tmp_path / "template")
    living = live(source, {"transport": "http"}, tmp_path)
    add(living, "humanize>=4,<5")
    add(living, "freezegun>=1,<2", "--dev")
    living.commit()
    newer = (source.location / PYPROJECT).read_text(encoding="utf-8")
    for place, line in BROUGHT.items():
        assert newer.count(place) == 1, place
        newer = newer.replace(place, line + place)
    Template(source.location).release("v1.1.0", {PYPROJECT: newer})

    command = [sys.executable, "-m", module, *arguments]
    subprocess.run(command, cwd=living.folder, env=environment(), check=True, capture_output=True)
    merged = tomllib.loads(living.read("pyproject.toml"))
    assert {"humanize>=4,<5", "hupper>=1.12,<2", "zipp>=3,<5"} <= set(merged["project"]["dependencies"])
    assert {"freezegun>=1,<2", "furl>=2,<3", "zstandard>=0.25,<1"} <= set(merged["dependency-groups"]["dev"])


def add(living: Living, requirement: str, *options: str) -> None:
    """Add a dependency as a person does; what it resolves to is not looked at."""
    command = [uv.find_uv_bin(), "add", "--quiet", "--frozen", *options, requirement]
    subprocess.run(command, cwd=living.folder, check=True, capture_output=True)
