"""Symbols of Python code: what is defined, and what a function calls."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import chain
from typing import TypeAlias

from scaffold.controls.catalogue import Requirement

Module: TypeAlias = ast.Module
_Scope: TypeAlias = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def parse(text: str | bytes) -> Module:
    """Parse Python code; raises `SyntaxError`."""
    return ast.parse(text)


def find(module: Module, symbol: str) -> ast.AST | None:
    """The definition of `symbol`, such as `Class.method` or `CONSTANT`; None when there is none."""
    scope: ast.AST | None = module
    for name in symbol.split("."):
        scope = _defined(scope, name)
    return scope


def missing_definition(module: Module, symbol: str) -> Iterator[tuple[int, str]]:
    """Find that `symbol` is not defined."""
    if find(module, symbol) is None:
        yield 1, f"{symbol} is not defined"


def marks(module: Module) -> frozenset[str]:
    """The controls that tests, their parameters or their module are marked with; none without a test."""
    nodes = list(ast.walk(module))
    return frozenset(chain.from_iterable(map(_marked, nodes))) if any(map(_is_test, nodes)) else frozenset()


def _is_test(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")


def _marked(node: ast.AST) -> Iterator[str]:
    """The controls of one mark; none of another node."""
    if isinstance(node, ast.Call) and _name(node.func) == "control":
        yield from (
            given.value for given in node.args if isinstance(given, ast.Constant) and isinstance(given.value, str)
        )


def missing_call(module: Module, requirement: Requirement) -> Iterator[tuple[int, str]]:
    """Find that `within` does not call `calls`, or not with the required arguments."""
    within, name = str(requirement["within"]), str(requirement["calls"])
    scope = find(module, within)
    if scope is None:
        yield 1, f"{within} is not defined"
        return
    line = getattr(scope, "lineno", 1)
    calls = [node for node in ast.walk(scope) if isinstance(node, ast.Call) and _name(node.func) == name]
    if not calls:
        yield line, f"{within} does not call {name}"
    for call in calls:
        yield from _misfits(call, name, requirement)


def _misfits(call: ast.Call, name: str, requirement: Requirement) -> Iterator[tuple[int, str]]:
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    for keyword in requirement.get("passes", ()):
        if keyword not in given:
            yield call.lineno, f"{name} is called without {keyword}"
    for keyword, value in requirement.get("arguments", {}).items():
        if keyword not in given or not _is_literal(given[keyword], value):
            line = given[keyword].lineno if keyword in given else call.lineno
            yield line, f"{name} must be called with {keyword}={value!r}"


def _is_literal(node: ast.expr, value: object) -> bool:
    try:
        return bool(ast.literal_eval(node) == value)
    except ValueError:
        return False


def _defined(scope: ast.AST | None, name: str) -> ast.AST | None:
    if not isinstance(scope, _Scope):
        return None
    for node in scope.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
            return node
        if name in _assigned(node):
            return node
    return None


def _assigned(node: ast.stmt) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {name.id for target in targets if target for name in ast.walk(target) if isinstance(name, ast.Name)}


def _name(function: ast.expr) -> str:
    """The last part of what is called: `Config` of `uvicorn.Config(...)`."""
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
