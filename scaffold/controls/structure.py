"""Whether the files of a repository still have the structure that its controls require.

A requirement names its `file` and one thing that must hold there, whatever else the file says:

- `field: [a, b, "*", c]`, with `is: value` or `holds: [value, …]`: every field of that path, in the documents of `kind`
  if one is named, has the value, or is a list with these items. `*` stands for every item, `name=pattern` for those
  items whose field `name` is like the pattern; every other step must be there.
- `line: pattern` or `never: pattern`: some line, or no line, is matched as a whole by the regular expression.
- `within: symbol`, `calls: name`, with `arguments: {keyword: value}` and `passes: [keyword, …]`: the function or class
  calls what is so named, with these literal arguments, and with these keywords whatever their value.
- `defines: symbol`: the class, function, method or name is defined.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

from scaffold.controls import fields, lines, symbols
from scaffold.controls.catalogue import Control

Requirement: TypeAlias = Mapping[str, Any]
Problem: TypeAlias = tuple[int, str]
"""A line, counted from one, and what is wrong there."""


@dataclass(frozen=True)
class Finding:
    """A requirement that no longer holds, and where."""

    control: str
    statement: str
    file: str
    line: int
    problem: str

    def to_json(self) -> dict[str, object]:
        """The finding as a document."""
        return {
            "control": self.control,
            "statement": self.statement,
            "file": self.file,
            "line": self.line,
            "problem": self.problem,
        }


@dataclass(frozen=True)
class SourceFile:
    """One file, read and parsed once for all its requirements."""

    path: Path

    @cached_property
    def text(self) -> str:
        """Its text."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def module(self) -> symbols.Module:
        """Its Python code."""
        return symbols.parse(self.text)

    @cached_property
    def documents(self) -> list[fields.Document]:
        """Its YAML documents."""
        return fields.parse(self.text)


CHECKS: Mapping[str, Callable[[SourceFile, Requirement], Iterator[Problem]]] = {
    "field": lambda file, requirement: fields.problems(file.documents, requirement),
    "line": lambda file, requirement: lines.missing(file.text, requirement["line"]),
    "never": lambda file, requirement: lines.forbidden(file.text, requirement["never"]),
    "calls": lambda file, requirement: symbols.missing_call(file.module, requirement),
    "defines": lambda file, requirement: symbols.missing_definition(file.module, requirement["defines"]),
}


def find_regressions(repository: Path, controls: list[Control], *, deletable: frozenset[str]) -> list[Finding]:
    """Every requirement that does not hold; `deletable` files may be gone, as they belong to the repository's user."""
    files: dict[str, SourceFile] = {}
    found = []
    for control in controls:
        for requirement in (*map(_of_place, control.implemented), *control.requires):
            name = str(requirement["file"])
            if name in deletable and not (repository / name).exists():
                continue
            file = files.setdefault(name, SourceFile(repository / name))
            found += [
                Finding(control.id, control.statement, name, *problem) for problem in _problems(file, requirement)
            ]
    return list(dict.fromkeys(found))


def _of_place(place: str) -> Requirement:
    """What a place of implementation requires: the file, and the symbol if it names one."""
    name, _, symbol = place.partition(":")
    return {"file": name, "defines": symbol} if symbol and name.endswith(".py") else {"file": name}


def _problems(file: SourceFile, requirement: Requirement) -> Iterator[Problem]:
    if not file.path.is_file():
        yield 1, "the file is gone"
        return
    for word, check in CHECKS.items():
        if word in requirement:
            try:
                yield from check(file, requirement)
            except (OSError, ValueError, SyntaxError) as error:
                yield getattr(error, "lineno", None) or 1, f"it cannot be read: {error}"
