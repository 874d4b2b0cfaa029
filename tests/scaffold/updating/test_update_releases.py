"""From every released tag to the template as it lies here, for the covering answers: the result is a fresh render.

Before the first release an earlier commit stands in for one. `RELEASES=all pytest -k update_releases` takes
every set of answers; by default one for each release.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from scaffold.template.ownership import Ownership
from tests.support.combinations import label, lives
from tests.support.living import git
from tests.support.releases import live, release, render
from tests.support.template import CHECKOUT

EARLIER = "HEAD~10"


def released() -> list[str]:
    """The tags of the checkout, or an earlier commit; nothing without a history."""
    found = subprocess.run(
        ["git", "tag", "--list", "v*"], cwd=CHECKOUT, capture_output=True, text=True, check=False
    ).stdout.split()
    known = ["git", "rev-parse", "--verify", "--quiet", f"{EARLIER}^{{commit}}"]
    earlier = subprocess.run(known, cwd=CHECKOUT, capture_output=True, check=False).returncode == 0
    return found or ([EARLIER] if earlier else [])


ANSWERS = lives() if os.environ.get("RELEASES") == "all" else lives()[4:5]


@pytest.mark.parametrize("answers", ANSWERS, ids=label)
@pytest.mark.parametrize("version", released())
def test_an_update_gives_what_a_fresh_render_gives(version: str, answers: dict[str, Any], tmp_path: Path) -> None:
    earlier = tmp_path / "earlier"
    git(tmp_path, "clone", "--quiet", "--shared", str(CHECKOUT), str(earlier))
    git(earlier, "checkout", "--quiet", "--detach", git(CHECKOUT, "rev-parse", f"{version}^{{commit}}").strip())
    template = tmp_path / "template"
    living = live(release(earlier, template), answers, tmp_path)
    before = living.files()
    current = release(CHECKOUT, template, "v1.1.0")

    finished = living.update()

    assert finished.status == 0, finished.err
    fresh = render(current, answers, tmp_path)
    owners = Ownership.read(CHECKOUT)
    wanted = {path.relative_to(fresh).as_posix(): path.read_bytes() for path in fresh.rglob("*") if path.is_file()}
    after = living.files()
    assert {path: data for path, data in after.items() if owners.of(path) == "managed"} == {
        path: data for path, data in wanted.items() if owners.of(path) == "managed"
    }
    assert {path: data for path, data in after.items() if owners.of(path) == "yours"} == {
        path: data for path, data in before.items() if owners.of(path) == "yours"
    }
