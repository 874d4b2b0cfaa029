"""A plan of an update beside plain `copier update`: uv run python benchmarks/update.py [ROUNDS].

Both update the same repository from one release of a template to the next, which changes two files. The template is the
last commit of the checkout that is installed. The plan writes nothing; Copier's result is put back before each run.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from paired import Contender, compare, rounds_from_arguments

CHECKOUT = Path(__file__).parents[1]
PROGRAMS = Path(sys.executable).parent
IDENTITY = ("-c", "user.name=Benchmark", "-c", "user.email=benchmark@example.com")


def git(folder: Path, *arguments: str) -> None:
    """Run git, with somebody's name."""
    subprocess.run(["git", *IDENTITY, *arguments], cwd=folder, check=True, capture_output=True)


def released_twice(folder: Path) -> Path:
    """A template with two releases."""
    template = folder / "template"
    git(folder, "clone", "--quiet", "--no-tags", str(CHECKOUT), str(template))
    git(template, "tag", "v1000.0.0")
    for name in ("Dockerfile.jinja", ".gitignore"):
        file = template / "template" / name
        file.write_text(f"{file.read_text()}# One line more.\n")
    git(template, "commit", "--quiet", "--all", "--message", "Change two files")
    git(template, "tag", "v1000.1.0")
    return template


def main() -> None:
    """Compare in a folder of its own."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        template, repository = released_twice(folder), folder / "repository"
        copier = str(PROGRAMS / "copier")
        first = [copier, "copy", "--defaults", "--quiet", "--vcs-ref=v1000.0.0", str(template), str(repository)]
        subprocess.run(first, check=True)
        git(repository, "init", "--quiet")
        git(repository, "add", "--all")
        git(repository, "commit", "--quiet", "--message", "Render")
        restore = lambda: git(repository, "reset", "--hard")  # noqa: E731 -- one step
        ours = [str(PROGRAMS / "mcp-scaffold"), "update", "--plan", "--no-verify", str(repository)]
        compare(
            Contender("mcp-scaffold update --plan --no-verify", ours, restore),
            Contender("copier update", [copier, "update", "--defaults", "--quiet", str(repository)], restore),
            goal=1.2,
            rounds=rounds_from_arguments(usual=9),
        )


main()
