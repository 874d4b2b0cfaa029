"""A bare `new` beside `copier copy` of the same template: uv run python benchmarks/render.py [ROUNDS].

Both render the checkout that is installed, as it lies there, with the default answers. Copier 9.19 compiles each text
anew for each path, reads YAML in Python and starts git for each file; `new` has it do so once, and not where a text
holds no Jinja, by libyaml, and not at all. What is left of the time is compiling the template, importing Copier, and
writing.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from paired import Contender, compare, rounds_from_arguments

CHECKOUT = Path(__file__).parents[1]
PROGRAMS = Path(sys.executable).parent


def main() -> None:
    """Compare in a folder of its own."""
    with TemporaryDirectory() as folder:
        place = Path(folder) / "rendered"
        empty = lambda: shutil.rmtree(place, ignore_errors=True)  # noqa: E731 -- one step
        bare = ["--defaults", "--no-lock", "--no-git", "--no-prove"]
        compare(
            Contender("mcp-scaffold new", [str(PROGRAMS / "mcp-scaffold"), "new", *bare, str(place)], empty),
            Contender(
                "copier copy",
                [str(PROGRAMS / "copier"), "copy", "--defaults", "--vcs-ref=HEAD", str(CHECKOUT), str(place)],
                empty,
            ),
            goal=0.6,
            rounds=rounds_from_arguments(usual=9),
        )


main()
