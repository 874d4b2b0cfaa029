"""A bare `new` beside `copier copy` of a template that has grown: uv run python benchmarks/files.py [ROUNDS].

A copy of this checkout gets 100 files more that are rendered, and 100 that the answers leave out.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from paired import Contender, compare, rounds_from_arguments

CHECKOUT = Path(__file__).parents[1]
PROGRAMS = Path(sys.executable).parent
MORE = 100


def main() -> None:
    """Compare in a folder of its own."""
    with TemporaryDirectory() as name:
        checkout, place = Path(name, "checkout"), Path(name, "rendered")
        grow(checkout)
        bare = ["--defaults", "--no-lock", "--no-git", "--no-prove"]
        empty = lambda: shutil.rmtree(place, ignore_errors=True)  # noqa: E731 -- one step
        run = f"import sys; sys.path.insert(0, {str(checkout)!r}); from scaffold.cli import main; main()"
        copier = [str(PROGRAMS / "copier"), "copy", "--defaults", "--vcs-ref=HEAD", str(checkout), str(place)]
        compare(
            Contender("mcp-scaffold new", [sys.executable, "-c", run, "new", *bare, str(place)], empty),
            Contender("copier copy", copier, empty),
            goal=0.8,
            rounds=rounds_from_arguments(usual=9),
        )


def grow(checkout: Path) -> None:
    """Clone this checkout, and commit files to its template: some for every repository, some for clusters only."""
    git = ["git", "-C", str(checkout), "-c", "user.name=Benchmark", "-c", "user.email=benchmark@example.com"]
    subprocess.run(["git", "clone", "--quiet", str(CHECKOUT), str(checkout)], check=True)
    for folder in ("docs", "deploy/kubernetes"):
        more = checkout / "template" / folder / "more"
        more.mkdir(parents=True)
        for number in range(MORE):
            (more / f"{number}.txt").write_text("{{ project_name }}\n" * 20, encoding="utf-8")
    questions = checkout / "questions" / "authorization.yml"
    questions.write_text(questions.read_text(encoding="utf-8").replace("    /docs\n", ""), encoding="utf-8")
    for command in (["add", "--all"], ["commit", "--quiet", "--message", "Grow"]):
        subprocess.run([*git, *command], check=True)


main()
