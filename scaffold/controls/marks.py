"""Which tests are marked with which controls, read from their source: `pytest.mark.control("ID", …)`."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

MARK = "control"
_TESTS = "tests"
_TEST_FILES = ("test_*.py", "*_test.py")


def test_files(repository: Path) -> list[str]:
    """The files of a repository that hold its tests, by their paths in it."""
    found = {path for pattern in _TEST_FILES for path in (repository / _TESTS).rglob(pattern)}
    return sorted(path.relative_to(repository).as_posix() for path in found)


def is_test_file(path: str) -> bool:
    """Whether pytest looks for tests in a file, by its path in the repository."""
    return any(fnmatch(PurePosixPath(path).name, pattern) for pattern in _TEST_FILES)


def tests_of(text: str) -> dict[str, frozenset[str]]:
    """The tests of a file, such as `test_x` and `TestClass.test_x`, with the ids of the controls that mark each.

    A mark counts wherever pytest takes it from: the test, its class, the module, a set of parameters, or a name that
    one of them refers to. One whose tests cannot be told counts for every test of the file.

    Raises:
        SyntaxError: The text is no Python.
    """
    module = ast.parse(text)
    named = {name: _ids(node, {}) for node in module.body for name in _assigned(node)}
    tests = dict(_tests(module.body, "", _of_pytestmark(module.body, named), named))
    rest = _ids(module, {}) - frozenset().union(*tests.values())
    return {test: ids | rest for test, ids in tests.items()}


def _tests(
    body: Sequence[ast.stmt], prefix: str, inherited: frozenset[str], named: Mapping[str, frozenset[str]]
) -> Iterator[tuple[str, frozenset[str]]]:
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() if node.name.startswith("test"):
                yield f"{prefix}{node.name}", inherited | _of_all(node.decorator_list, named)
            case ast.ClassDef() if node.name.startswith("Test"):
                own = _of_all(node.decorator_list, named) | _of_pytestmark(node.body, named)
                yield from _tests(node.body, f"{prefix}{node.name}.", inherited | own, named)
            case ast.If() | ast.Try() | ast.With():
                inner = [*node.body, *getattr(node, "orelse", [])]
                yield from _tests(inner, prefix, inherited, named)


def _of_pytestmark(body: Sequence[ast.stmt], named: Mapping[str, frozenset[str]]) -> frozenset[str]:
    return _of_all([node for node in body if "pytestmark" in _assigned(node)], named)


def _of_all(nodes: Sequence[ast.AST], named: Mapping[str, frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*(_ids(node, named) for node in nodes))


def _ids(node: ast.AST, named: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The ids of all marks in a piece of code, and of the marks behind the names that it refers to."""
    found: set[str] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            found |= named.get(part.id, frozenset())
        elif isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr == MARK:
            found |= {str(given.value) for given in part.args if isinstance(given, ast.Constant)}
    return frozenset(found)


def _assigned(node: ast.stmt) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name)]
