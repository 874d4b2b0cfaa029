"""How `scaffold` is built: no import closes a circle, every error is one of a kind, updating prints nothing."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from scaffold.cli import app
from scaffold.errors import ExitStatus, Interrupted, ScaffoldError
from scaffold.proof.outcomes import ProbeOutcome
from tests.support.template import CHECKOUT

PACKAGES = ("scaffold", "hooks", "release")
EXITS = {"exit", "Exit", "SystemExit", "_exit"}
SENTENCE = re.compile(
    r"""(?:[A-Z{]|--|git\b|uv\b|proof\.yaml\b)  # begins as a sentence does, or with a name
    .+(?::\s|;\s|\.\s).+                        # says what is wrong, then what to do
    (?:[.}]|\n)$""",
    re.VERBOSE | re.DOTALL,
)
GIVES_REASONS = {"NotRendered", "RefusedAnswer", "InstallError"}
"""Errors whose class or whose template makes the sentence."""


@cache
def modules() -> dict[str, ast.Module]:
    files = [file for package in PACKAGES for file in (CHECKOUT / package).rglob("*.py")]
    return {name_of(file): ast.parse(file.read_text(encoding="utf-8")) for file in files}


def name_of(file: Path) -> str:
    return ".".join(file.relative_to(CHECKOUT).with_suffix("").parts).removesuffix(".__init__")


def imports(module: ast.Module) -> Iterator[str]:
    """All that a module imports anywhere: at its top, inside a function, or for the type checker only."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def graph(trees: dict[str, ast.Module]) -> dict[str, set[str]]:
    """The modules of this project that each of them imports."""
    return {name: {found for each in imports(tree) if (found := owner(each, trees))} for name, tree in trees.items()}


def owner(imported: str, trees: dict[str, ast.Module]) -> str:
    while imported and imported not in trees:
        imported = imported.rpartition(".")[0]
    return imported


def part(module: str) -> str:
    """The package or the module of the top level that a module belongs to."""
    return ".".join(module.split(".")[:2])


def raised() -> Iterator[tuple[str, ast.Call]]:
    for name, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name):
                yield name, node.exc


def text_of(node: ast.expr) -> str | None:
    """A literal with a brace pair for each value in it; None for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(each.value) if isinstance(each, ast.Constant) else "{}" for each in node.values)
    if isinstance(node, ast.BinOp):
        return f"{text_of(node.left) or '{}'}{text_of(node.right) or '{}'}"
    return None


def family(kind: type[BaseException]) -> Iterator[type[BaseException]]:
    yield kind
    for child in kind.__subclasses__():
        yield from family(child)


def test_no_import_closes_a_circle() -> None:
    between = graph(modules())
    list(TopologicalSorter({name: found - {name} for name, found in between.items()}).static_order())


def test_no_package_imports_one_that_imports_it() -> None:
    between: dict[str, set[str]] = {}
    for name, found in graph(modules()).items():
        if part(name).startswith("scaffold"):
            between.setdefault(part(name), set()).update({part(other) for other in found} - {part(name)})
    list(TopologicalSorter(between).static_order())


def test_every_error_is_one_of_a_kind_and_has_an_exit_status() -> None:
    for name in modules():
        if name not in {"scaffold.__main__", "release.build"}:
            importlib.import_module(name)
    known = {each for root in (ScaffoldError, Interrupted, ProbeOutcome) for each in family(root)}
    ours = {
        node.name
        for tree in modules().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and any("Error" in name or "Exception" in name for name in bases(node))
        and not node.name.startswith("_")
    }

    assert ours <= {each.__name__ for each in known}
    assert all(isinstance(each.exit_status, ExitStatus) and each.__doc__ for each in family(ScaffoldError))  # type: ignore[attr-defined]


def bases(node: ast.ClassDef) -> list[str]:
    return [base.id for base in node.bases if isinstance(base, ast.Name)]


def test_every_error_says_what_is_wrong_and_then_what_to_do() -> None:
    names = {each.__name__ for each in family(ScaffoldError)} - GIVES_REASONS
    sentences = [
        (name, text)
        for name, call in raised()
        if isinstance(call.func, ast.Name) and call.func.id in names and call.args
        for text in [text_of(call.args[0])]
        if text and text.replace("{}", "").strip()
    ]

    assert len(sentences) > 50
    assert [each for each in sentences if not SENTENCE.match(each[1])] == []


def test_exit_statuses_are_named() -> None:
    literal = [
        (name, node.lineno)
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and (getattr(node.func, "attr", None) or getattr(node.func, "id", None)) in EXITS
        and any(isinstance(given, ast.Constant) and isinstance(given.value, int) for given in node.args)
    ]

    assert literal == []


def test_each_command_is_a_module() -> None:
    commands = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    files = {name.rpartition(".")[2] for name in modules() if name.startswith("scaffold.commands.")}

    assert files == commands


def test_programs_are_started_in_few_places() -> None:
    starting = {name for name, tree in modules().items() if "subprocess" in imports(tree) and starts_programs(tree)}

    assert starting == {
        "scaffold.git",
        "scaffold.toolchain.processes",
        "scaffold.controls.readers.kubernetes",  # builds overlays
        "scaffold.updating.application",  # outlives the command
    }


def starts_programs(tree: ast.Module) -> bool:
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return not called.isdisjoint({"subprocess.run", "subprocess.Popen"})


@pytest.mark.parametrize("package", ["updating", "rendered", "toolchain", "controls", "template", "proof"])
def test_only_commands_print(package: str) -> None:
    printing = [
        name
        for name, tree in modules().items()
        if name.startswith(f"scaffold.{package}")
        if "scaffold.console" in {owner(each, modules()) for each in imports(tree)}
        or any(isinstance(node, ast.Name) and node.id == "print" for node in ast.walk(tree))
    ]

    assert printing == []
