"""Imports, in code of a person's own, of modules that the template moved."""

from __future__ import annotations

import ast
import platform
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import PurePosixPath

AUTHORING = "runtime.authoring"
"""The module of a rendered package in which everything stands that a person's code imports."""


@dataclass(frozen=True)
class Carried:
    """A file's text with its imports changed, and a sentence for each name that is nowhere any more."""

    text: str
    lost: list[str]


@dataclass(frozen=True)
class Modules:
    """The modules of a package, new by old, and what each new one binds.

    Attributes:
        package: The package's name; modules are named without it.
        moved: Where a module went, by its old name.
        names: What each module of the newer version binds at its top level.
        standing: Modules whose own names come first, although one of before had their name.
    """

    package: str
    moved: Mapping[str, str]
    names: Mapping[str, frozenset[str]]
    standing: frozenset[str] = frozenset()

    def for_authors(self) -> Modules:
        """The same for code that imports of the runtime what is for authors, where that stands together now."""
        if AUTHORING not in self.moved.values():
            return self
        runtime = {name: name for name in self.names if name.startswith("runtime.") and name != AUTHORING}
        return replace(self, moved={**runtime, **self.moved})

    def for_merged(self) -> Modules:
        """The same for code of the template in which only some lines are a person's."""
        return replace(self, standing=frozenset(self.moved.keys() & self.names.keys()))

    def find(self, module: str, name: str) -> str | None:
        """The module from which a name is imported now that an old module had; None if nowhere, or in several."""
        preferred = (*({module} & self.standing), AUTHORING, self.moved[module])
        for candidate in preferred:
            if name in self.names.get(candidate, ()):
                return candidate
        others = [other for other, names in self.names.items() if name in names]
        return others[0] if len(others) == 1 else None


def module_of(path: str) -> str:
    """The dotted name of a module, by its path: `src/bob/runtime/main.py` is `bob.runtime.main`."""
    parts = PurePosixPath(path).with_suffix("").parts
    parts = parts[1:] if parts[0] == "src" else parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def names_of(code: str) -> frozenset[str]:
    """What a module binds at its top level, imports under another or the same `as` name included."""
    return frozenset(name for node in ast.parse(code).body for name in _bound(node))


def carry_imports(code: str, path: str, modules: Modules) -> Carried:
    """Let the imports of one file follow what moved; all else of it stays, to the character."""
    mark = _MARK if code.startswith(_MARK) else ""
    try:
        tree = ast.parse(code.removeprefix(mark))
    except (SyntaxError, ValueError, RecursionError):
        told = f"{path} cannot be read as Python {platform.python_version()}: see what it imports"
        return Carried(code, [told] if _may_import(code, modules) else [])
    lost: list[str] = []
    # Not `splitlines`, which also ends a line at a form feed and other characters, where Python does not.
    lines = [_Line(text) for text in StringIO(code.removeprefix(mark), newline="")]
    found = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom | ast.Import)]
    for node in sorted(found, key=lambda each: (each.lineno, each.col_offset), reverse=True):
        statement = _Statement(node, path, modules)
        if not statement.is_concerned:
            continue
        lost += [f"{path}:{node.lineno} imports {name}, which is nowhere any more" for name in statement.lost]
        if not statement.lost and not _replace(lines, node, statement.new_lines()):
            lost.append(f"{path}:{node.lineno} imports what moved, beside other code: change it there")
    return Carried(f"{mark}{_joined(lines)}", lost[::-1])


def _may_import(code: str, modules: Modules) -> bool:
    """Whether a text names a module that moved, or imports from the one that it was in."""
    names = {*modules.moved, *(f"{module.rpartition('.')[0]} import" for module in modules.moved)}
    return any(name in code for name in names)


@dataclass(frozen=True)
class _Statement:
    """An import statement of a file, seen from what moved."""

    node: ast.ImportFrom | ast.Import
    path: str
    modules: Modules

    @property
    def targets(self) -> list[tuple[str | None, str]]:
        """Each imported thing: the module that has it now, and what to write after `import`."""
        return [self._target(alias) for alias in self.node.names]

    @property
    def is_concerned(self) -> bool:
        if isinstance(self.node, ast.Import):
            return any(self._own(alias.name) in self.modules.moved for alias in self.node.names)
        module = self._own(self._imported)
        return module in self.modules.moved or any(self._whole(module, alias) for alias in self.node.names)

    @property
    def lost(self) -> list[str]:
        """The names for which there is no module any more."""
        pairs = zip(self.targets, self.node.names, strict=True)
        return [f"{alias.name} from {self._imported}" for (module, _), alias in pairs if module is None]

    def new_lines(self) -> list[str]:
        """The statements that take its place."""
        if isinstance(self.node, ast.Import):
            return [f"import {module} as {text}" if text else f"import {module}" for module, text in self.targets]
        texts: dict[str, list[str]] = {}
        for module, text in self.targets:
            texts.setdefault(str(module), []).append(text)
        return [f"from {module} import {', '.join(sorted(names))}" for module, names in texts.items()]

    def _target(self, alias: ast.alias) -> tuple[str | None, str]:
        suffix = f" as {alias.asname}" if alias.asname else ""
        if isinstance(self.node, ast.Import):
            now = self.modules.moved.get(self._own(alias.name))
            return (f"{self.modules.package}.{now}" if now else alias.name, alias.asname or "")
        module = self._own(self._imported)
        whole = self._whole(module, alias)
        if whole:
            parent, _, name = whole.rpartition(".")
            told = alias.asname or alias.name
            return self._written(parent), name if name == told else f"{name} as {told}"
        if module not in self.modules.moved:
            return self._written(module), f"{alias.name}{suffix}"
        target = self.modules.find(module, alias.name)
        return (self._written(target) if target else None), f"{alias.name}{suffix}"

    def _whole(self, module: str, alias: ast.alias) -> str | None:
        """Where the module is now that is imported as a whole; None where it is no moved module."""
        name = f"{module}.{alias.name}"
        return None if name in self.modules.standing else self.modules.moved.get(name)

    @property
    def _imported(self) -> str:
        """The absolute name of the module after `from`."""
        node = self.node
        if isinstance(node, ast.Import):
            return node.names[0].name
        if not node.level:
            return node.module or ""
        return ".".join(filter(None, [*self._base(node.level), node.module]))

    def _base(self, level: int) -> list[str]:
        parts = module_of(self.path).split(".")
        own = parts if self.path.endswith("/__init__.py") else parts[:-1]
        return own[: len(own) - (level - 1)]

    def _own(self, module: str) -> str:
        """A module's name inside the package; empty where it is the package, or belongs to another."""
        inside = f"{self.modules.package}."
        return module.removeprefix(inside) if module.startswith(inside) else ""

    def _written(self, module: str) -> str:
        """A module of the package as this statement names it: relative or absolute, as it was."""
        absolute = f"{self.modules.package}.{module}"
        level = self.node.level if isinstance(self.node, ast.ImportFrom) else 0
        base = ".".join(self._base(level)) if level else ""
        return f"{'.' * level}{absolute.removeprefix(f'{base}.')}" if base and absolute.startswith(base) else absolute


@dataclass
class _Line:
    """A line of a file with its end; later several, or none, where a statement was replaced."""

    text: str
    is_new: bool = False


def _replace(lines: list[_Line], node: ast.stmt, new: list[str]) -> bool:
    """Put statements in the place of one, comments inside it above; False, and nothing, where these have no place."""
    replaced = lines[node.lineno - 1 : node.end_lineno]
    first, last = replaced[0].text, replaced[-1].text
    before = first.encode()[: node.col_offset].decode()
    after = last.encode()[node.end_col_offset :].decode()
    inside = (
        re.findall(r"#.*", "".join(line.text for line in replaced).removesuffix(after)) if len(replaced) > 1 else []
    )
    if before.strip() or (node.lineno > 1 and _end_of(lines[node.lineno - 2].text).startswith("\\")):
        if inside:
            return False
        text = f"{before}{'; '.join(new)}{after}"
    else:
        end = _end_of(lines[0].text).lstrip("\\") or "\n"
        text = f"{before}{f'{end}{before}'.join([*(comment.rstrip() for comment in inside), *new])}{after}"
    replaced[0].text, replaced[0].is_new = text, True
    for line in replaced[1:]:
        line.text = ""
    return True


def _end_of(line: str) -> str:
    """How a line ends, with the backslash by which it continues."""
    return line[len(line.rstrip("\\\r\n")) :]


_MARK = "\ufeff"
_LINE = re.compile(r"^(?P<head> *from \S+ import )(?P<names>[\w, ]+)$")
_WIDTH = 120


def _joined(lines: list[_Line]) -> str:
    """The code, new one-line imports as one with a neighbour from the same module, in the order of the linters."""
    result: list[_Line] = []
    single = (_Line(text, each.is_new) for each in lines for text in StringIO(each.text, newline=""))
    for line in single:
        before = result[-1] if result else _Line("")
        if (before.is_new or line.is_new) and (both := _one(before.text, line.text)):
            result[-1] = _Line(both, is_new=True)
        else:
            result.append(line)
    return "".join(line.text for line in result)


def _one(first: str, second: str) -> str | None:
    one, other = _LINE.match(first.rstrip("\r\n")), _LINE.match(second.rstrip("\r\n"))
    if not (one and other and one["head"] == other["head"] and AUTHORING in one["head"]):
        return None
    names = {name.strip() for names in (one["names"], other["names"]) for name in names.split(",")}
    text = f"{one['head']}{', '.join(sorted(names, key=_rank))}"
    return f"{text}{second[len(second.rstrip(chr(13) + chr(10))) :]}" if len(text) <= _WIDTH else None


def _rank(name: str) -> tuple[int, str]:
    """Constants first, then classes, then what begins with a small letter."""
    return (0 if name.isupper() else 1 if name[:1].isupper() else 2, name)


def _bound(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.ImportFrom(names=names) | ast.Import(names=names):
            yield from (alias.asname for alias in names if alias.asname)
        case ast.Assign(targets=targets):
            yield from (part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name
