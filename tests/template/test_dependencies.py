"""What the distribution requires: all that it imports, nothing else, and nothing without an upper bound."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.template import CHECKOUT

PROJECT = CHECKOUT
PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
REQUIREMENTS = [Requirement(each) for each in PYPROJECT["project"]["dependencies"]]


def imported_packages() -> set[str]:
    """The top-level packages that `scaffold` and `hooks` import."""
    files = [file for folder in ("scaffold", "hooks") for file in (PROJECT / folder).rglob("*.py")]
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level}
    return {name.split(".")[0] for name in names}


def test_what_is_imported_is_required_and_nothing_else() -> None:
    foreign = imported_packages() - sys.stdlib_module_names - {"scaffold", "hooks"}
    distributions = packages_distributions()

    imported = {canonicalize_name(distributions[name][0]) for name in foreign}

    assert imported == {canonicalize_name(requirement.name) for requirement in REQUIREMENTS}


def test_every_requirement_is_bounded() -> None:
    unbounded = [str(each) for each in REQUIREMENTS if not re.search(r">=.*<|<.*>=", str(each.specifier))]

    assert unbounded == []


def test_the_supported_pythons_are_classified() -> None:
    classified = re.findall(r"Python :: (3\.\d+)", "\n".join(PYPROJECT["project"]["classifiers"]))

    assert PYPROJECT["project"]["requires-python"] == ">=3.11,<3.15"
    assert classified == ["3.11", "3.12", "3.13", "3.14"]
