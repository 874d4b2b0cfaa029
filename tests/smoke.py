"""Smoke projects: one for each combination of answers, from its first command to its proof.

    uv run python -m tests.smoke list                            the names, as JSON
    uv run python -m tests.smoke run NAME FOLDER [--newest]      one whole life; the folder must not exist

`--newest` drops every upper bound of the rendered dependencies before it locks, so that what the next release of the
SDK or of a tool breaks is seen before a user sees it.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import uv
from packaging.requirements import Requirement

from scaffold.template.presets import read_presets
from tests.support.combinations import Answers, complete, label, lives, pairs
from tests.support.deployments import is_installed
from tests.support.scanners import SCANS, Scan, scan
from tests.support.template import CHECKOUT

SCAFFOLD = (sys.executable, "-m", "scaffold")
CHECKS = (("ruff", "check"), ("ruff", "format", "--check"), ("mypy",), ("pytest", "-q", "-x"))
PARTS = sorted({*(CHECKOUT / "tests/runtime").glob("*.py")} - {CHECKOUT / "tests/runtime/__init__.py"})
PACKAGE = "notes_server"
RENDERED = {PACKAGE, "runtime", "issuer", "launch", "process", "store"}
"""What parts import of a rendered repository: its package, by this name, its tests, and their helpers."""
Step = tuple[str, Callable[[], object]]


class SmokeError(Exception):
    """A step of a life failed; the message holds its output."""


def projects() -> dict[str, Answers]:
    """Every project by name: whole lives that hold every value, the presets, and every pair of values."""
    presets = {name: complete(dict(preset.answers)) for name, preset in read_presets(CHECKOUT).items()}
    covering = {f"pair-{number:02}-{label(answers)}": answers for number, answers in enumerate(pairs(), 1)}
    return {label(answers): answers for answers in lives()} | presets | covering


def create(answers: Answers, repository: Path) -> None:
    """Render, lock, prove and commit; every one of these must have happened.

    Raises:
        SmokeError: One did not.
    """
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in answers.items()}
    given = [f"--data={name}={text}" for name, text in texts.items()]
    told = json.loads(_run(CHECKOUT, *SCAFFOLD, "new", str(repository), "--defaults", "--json", *given))
    if not (told["locked"] and told["proven"] and told["committed"]):
        raise SmokeError(json.dumps(told["warnings"], indent=2))


def check(repository: Path, *command: str) -> None:
    """Run one of the repository's own checks in its locked environment.

    Raises:
        SmokeError: It fails.
    """
    _run(repository, uv.find_uv_bin(), "run", "--quiet", "--locked", *command)


def check_parts(repository: Path, *names: str) -> None:
    """Run the tests of parts of the runtime, all or those of these names, in the repository's locked environment.

    Raises:
        SmokeError: One fails.
    """
    parts = [part for part in fitting_parts(repository) if part.stem in names or not names]
    copies = [repository / f"tests/runtime/test_part_{part.name}" for part in parts]
    if not copies:
        return
    try:
        for part, copy in zip(parts, copies, strict=True):
            text = part.read_text(encoding="utf-8").replace(PACKAGE, _package_of(repository))
            copy.write_text(text, encoding="utf-8")
        check(repository, "mypy", *map(str, copies))
        check(repository, "pytest", "-q", "-x", *map(str, copies))
    finally:
        for copy in copies:
            copy.unlink(missing_ok=True)


def fitting_parts(repository: Path) -> list[Path]:
    """The modules of `tests/runtime` of which all that they import of a repository is there."""
    return [part for part in PARTS if all(_is_there(repository, module) for module in _imports_of(part))]


def _package_of(repository: Path) -> str:
    [runtime] = repository.glob("src/*/runtime")
    return runtime.parent.name


def _imports_of(part: Path) -> list[str]:
    """The modules of a rendered repository that a part imports."""
    nodes = ast.parse(part.read_text(encoding="utf-8")).body
    modules = [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    return [module for module in modules if module.partition(".")[0] in RENDERED]


def _is_there(repository: Path, module: str) -> bool:
    path = module.replace(PACKAGE, _package_of(repository)).replace(".", "/")
    return any((repository / folder / f"{path}{end}").exists() for folder in ("src", "tests") for end in (".py", ""))


def untouched(repository: Path) -> None:
    """See that nothing changed since the first commit.

    Raises:
        SmokeError: Something did.
    """
    if changed := _run(repository, shutil.which("git") or "git", "status", "--porcelain"):
        raise SmokeError(f"The checks left a trace:\n{changed}")


def take_newest(repository: Path) -> None:
    """Lock the newest release of every direct dependency, whatever the rendered bounds say."""
    file = repository / "pyproject.toml"
    text = file.read_text(encoding="utf-8")
    declared = tomllib.loads(text)
    groups = declared.get("dependency-groups", {}).values()
    entries = [*declared["project"]["dependencies"], *(entry for group in groups for entry in group)]
    names = sorted({_without_bounds(Requirement(entry)) for entry in entries if isinstance(entry, str)})
    table = "" if "\n[tool.uv]\n" in text else "\n[tool.uv]\n"
    overrides = f"override-dependencies = {json.dumps(names)}\n"
    file.write_text(re.sub(r"(\n\[tool\.uv\]\n)", rf"\1{overrides}", text + table), encoding="utf-8")
    _run(repository, uv.find_uv_bin(), "lock", "--quiet", "--upgrade")


def _without_bounds(requirement: Requirement) -> str:
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return f"{requirement.name}{extras}"


def steps(answers: Answers, repository: Path, *, newest: bool) -> Iterator[Step]:
    """The steps of a whole life, in order; what a machine has no tool for is left out."""
    in_repository = partial(_run, repository)
    yield "generate, lock, prove, commit", partial(create, answers, repository)
    if newest:
        yield "lock the newest", partial(take_newest, repository)
    for command in CHECKS:
        yield " ".join(command), partial(check, repository, *command)
    yield "parts", partial(check_parts, repository)
    if not newest:
        yield "untouched", partial(untouched, repository)
    yield "build", partial(in_repository, uv.find_uv_bin(), "build", "--quiet", "--out-dir", "dist")
    if _has_docker_daemon():
        yield "image", partial(in_repository, "docker", "build", "--quiet", ".")
    for name, scanner in SCANS.items():
        if is_installed(scanner.command.split()[0]):
            yield f"scan: {name}", partial(_scan, scanner, repository)
    yield "prove --full", partial(in_repository, *SCAFFOLD, "prove", str(repository), "--full")


def _scan(scanner: Scan, repository: Path) -> None:
    if not scanner.applies_to(repository):
        return
    seen = scan(scanner.command, repository)
    if seen.returncode:
        raise SmokeError(seen.stdout[-6000:] + seen.stderr[-3000:])


def _has_docker_daemon() -> bool:
    docker = shutil.which("docker")
    return docker is not None and subprocess.run([docker, "info"], capture_output=True, check=False).returncode == 0


def _run(folder: Path, *command: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("VIRTUAL_ENV", "MCP_"))}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**kept, "PYTHONPATH": str(CHECKOUT)} if command[0] == sys.executable else kept,
        capture_output=True,
        encoding="utf-8",
        timeout=900,
        check=False,
    )
    if done.returncode:
        raise SmokeError(f"{' '.join(command)}\n{done.stdout[-6000:]}\n{done.stderr[-3000:]}")
    return done.stdout


def main() -> int:
    """List the projects, or live one."""
    parser = argparse.ArgumentParser(prog="python -m tests.smoke")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list")
    one = commands.add_parser("run")
    one.add_argument("name", choices=projects(), metavar="NAME")
    one.add_argument("folder", type=Path, metavar="FOLDER")
    one.add_argument("--newest", action="store_true")
    given = parser.parse_args()
    if given.command == "list":
        print(json.dumps([*projects()]))
        return 0
    for words, take in steps(projects()[given.name], given.folder.resolve(), newest=given.newest):
        begin = time.monotonic()
        try:
            take()
        except SmokeError as error:
            print(f"failed: {words}\n{error}", flush=True)
            return 1
        print(f"{time.monotonic() - begin:6.1f} s  {words}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
