"""A bare `new` beside cookiecutter, which renders the same files: uv run python benchmarks/cookiecutter.py [ROUNDS].

The repository of the default answers is turned into a cookiecutter template in which the short name and the package's
name are variables. Cookiecutter asks and checks nothing and knows no update, so it is the least that a render costs.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import uv
from paired import Contender, compare, rounds_from_arguments

PROGRAMS = Path(sys.executable).parent
COOKIECUTTER = "cookiecutter>=2.6,<3"
VARIABLES = {"notes-server": "{{ cookiecutter.slug }}", "notes_server": "{{ cookiecutter.package }}"}
BARE = ["--defaults", "--no-lock", "--no-git", "--no-prove", "-d", "project_name=Notes Server"]


def main() -> None:
    """Compare in a folder of its own, after a check that both render the same."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        ours = [str(PROGRAMS / "mcp-scaffold"), "new", *BARE, str(folder / "ours")]
        template, output = str(folder / "template"), str(folder / "theirs")
        theirs = [str(install(folder / "venv")), "--no-input", "--output-dir", output, template]
        subprocess.run(ours, check=True, stdout=subprocess.DEVNULL)
        turn_into_template(folder / "ours", folder / "template")
        subprocess.run(theirs, check=True, stdout=subprocess.DEVNULL)
        if contents(folder / "ours") != contents(folder / "theirs" / "notes-server"):
            raise SystemExit("Cookiecutter renders something else.")
        compare(
            Contender("mcp-scaffold new", ours, lambda: shutil.rmtree(folder / "ours", ignore_errors=True)),
            Contender("cookiecutter", theirs, lambda: shutil.rmtree(folder / "theirs", ignore_errors=True)),
            goal=4,
            rounds=rounds_from_arguments(usual=9),
        )


def install(environment: Path) -> Path:
    """Cookiecutter in an environment of its own; returns its program."""
    tool = uv.find_uv_bin()
    subprocess.run([tool, "venv", "--quiet", "--python", sys.executable, str(environment)], check=True)
    python = environment / PROGRAMS.name / Path(sys.executable).name
    subprocess.run([tool, "pip", "install", "--quiet", "--python", str(python), COOKIECUTTER], check=True)
    return python.with_name("cookiecutter")


def turn_into_template(repository: Path, template: Path) -> None:
    """Write the files of a repository as a cookiecutter template."""
    for path in repository.rglob("*"):
        if path.is_file():
            place = template / VARIABLES["notes-server"] / _with_variables(path.relative_to(repository).as_posix())
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(_as_template(path.read_text(encoding="utf-8")), encoding="utf-8")
    defaults = {"slug": "notes-server", "package": "notes_server"}
    (template / "cookiecutter.json").write_text(json.dumps(defaults), encoding="utf-8")


def contents(repository: Path) -> dict[str, str]:
    """Every file's text by its path."""
    files = [path for path in repository.rglob("*") if path.is_file()]
    return {path.relative_to(repository).as_posix(): path.read_text(encoding="utf-8") for path in files}


def _with_variables(text: str) -> str:
    """The text as it is, but for the names."""
    for word, variable in VARIABLES.items():
        text = text.replace(word, variable)
    return text


def _as_template(text: str) -> str:
    """A template that renders the text: what other template languages mean stays as it is."""
    pieces = re.split(f"({'|'.join(VARIABLES)})", text)
    return "".join(VARIABLES.get(piece) or f"{{% raw %}}{piece}{{% endraw %}}" for piece in pieces if piece)


main()
