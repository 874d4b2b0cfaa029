"""The command line as a whole: what help imports, how a failure is told, what Copier may be used for."""

from __future__ import annotations

import ast
import os
import subprocess
import sys

import pytest

from scaffold.template.declarations import read_declarations
from tests.support.template import CHECKOUT

SLOW = {"copier", "jinja2", "plumbum", "prompt_toolkit", "questionary", "rich", "yaml"}
# Typer itself imports it, once a command has typed parameters to explain.
TYPER_OWN = {"pydantic"}
PUBLIC = {"run_copy", "run_update", "run_recopy", "errors", "Phase", "Settings", "VcsRef", "load_settings"}


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize(
    "arguments,slow",
    [
        (["--help"], SLOW | TYPER_OWN),
        (["--version"], SLOW | TYPER_OWN),
        (["new", "--help"], SLOW),
        (["prove", "--help"], SLOW),
    ],
)
def test_help_imports_nothing_slow(arguments, slow):
    finished = run(
        f"import sys; sys.argv = ['mcp-scaffold', *{arguments}]\n"
        "from scaffold.cli import main\n"
        "try:\n    main()\n"
        f"finally:\n    print(*sorted({slow} & sys.modules.keys()), file=sys.stderr)"
    )
    assert finished.returncode == 0
    assert finished.stdout
    assert finished.stderr.strip() == ""


def test_every_command_of_the_contract_has_help():
    finished = run("import sys; sys.argv = ['mcp-scaffold', '--help']; from scaffold.cli import main; main()")
    commands = ("new", "update", "set", "prove", "check", "questions", "presets", "source")
    assert all(f"  {command} " in finished.stdout for command in commands)


def test_an_unexpected_failure_is_one_line_that_names_the_way_to_more():
    finished = run(
        "import sys; sys.argv = ['mcp-scaffold', 'questions']\n"
        "from scaffold.commands import questions\n"
        "def fail(**_): raise OSError('the disk is full')\n"
        "questions.show_questions = fail\n"
        "from scaffold.cli import main; main()"
    )
    assert finished.returncode == 1
    assert finished.stderr == "mcp-scaffold: OSError: the disk is full (--debug shows where)\n"


@pytest.mark.parametrize("arguments", [["new"], ["nwe"], ["new", "x", "--no-such-option"], ["presets", "extra"]])
def test_wrong_usage_exits_2(arguments):
    finished = run(f"import sys; sys.argv = ['mcp-scaffold', *{arguments}]; from scaffold.cli import main; main()")
    assert finished.returncode == 2
    assert "Traceback" not in finished.stderr


def test_words_that_a_terminal_cannot_encode_are_escaped():
    finished = run("from scaffold.console import say; say('👍 \\udc80')", PYTHONIOENCODING="ascii")
    assert finished.stdout == "\\U0001f44d \\udc80\n"


def test_the_template_needs_no_trust():
    declared = read_declarations(CHECKOUT / "copier.yml")
    assert not {"_tasks", "_migrations", "_jinja_extensions"} & declared.keys()


@pytest.mark.parametrize("file", sorted((CHECKOUT / "scaffold").rglob("*.py")), ids=lambda file: file.stem)
def test_only_the_public_part_of_copier_is_used(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "copier":
            assert node.module in {"copier", "copier.errors"}
            assert node.module != "copier" or {alias.name for alias in node.names} <= PUBLIC
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "copier":
            assert node.attr in PUBLIC


def test_questions_tell_what_is_taken_when_nothing_is_answered():
    finished = run("import sys; sys.argv = ['mcp-scaffold', 'questions']; from scaffold.cli import main; main()")
    defaults = {
        question.partition(":")[0]: line.removeprefix("  Default: ")
        for question in finished.stdout.split("\n\n")
        for line in question.splitlines()
        if line.startswith("  Default: ")
    }
    assert defaults["transport"] == "stdio"
    assert defaults["compliance"] == "none"
    assert defaults["project_slug"] == "follows from the other answers"
