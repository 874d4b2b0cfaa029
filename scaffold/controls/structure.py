"""Whether what a repository builds, deploys and runs still has the structure that its controls require.

A requirement names its `file`, a path or a pattern of paths, or `overlays`, a folder whose every overlay is built; and
one thing that must hold there, whatever else is said:

- `field: [a, b, "*", c]`: every field of that path is there and is as one condition says: `is: value`, `like: pattern`,
  `unlike: pattern` (regular expressions of the whole), `holds: [value, …]`, `only: [value, …]` (of a mapping, keys),
  `least: number`. `*` stands for every item, `name=pattern` for those items whose field `name` is like the pattern,
  `name?` for a field that may be missing.
- `none: true`: there is no such thing.
- `commands: [pattern, …]`: the job `name` runs commands like these, in this order, under no condition but `if`, and
  fails when one of them does.
- `absent: pattern`, alone: no file has such a path.
- `line: pattern` or `never: pattern`: some line, or no line, is matched as a whole by the regular expression.
- `within: symbol`, `calls: name`, with `arguments: {keyword: value}` and `passes: [keyword, …]`: the function or class
  calls what is so named, with these literal arguments, and with these keywords whatever their value.
- `defines: symbol`: the class, function, method or name is defined.
- `marks: id`: some test carries the control's id.

`kind` and `name` choose among what a file describes (which `readers` find), but for those named in `excepts`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

from scaffold.controls import fields, lines, pipelines, symbols
from scaffold.controls.catalogue import OUTSIDE, Control, Requirement
from scaffold.controls.fields import Document
from scaffold.controls.readers import kubernetes, reader_of

Problem: TypeAlias = tuple[str, int, str]
"""A file, a line of it, counted from one, and what is wrong there."""


_MARKS = re.compile(r"mark\.control\(([^)]*)\)")
_ID = re.compile(r"""["']([A-Z0-9-]+)["']""")
_UNLISTED = "A test is marked with it, and no file of security/controls lists it."


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
class Report:
    """The result of a check.

    Attributes:
        findings: Requirements that do not hold.
        dropped: Controls whose code and tests belonged to the repository's user and are gone, all of them.
        unbuilt: Controls of overlays that were read in their sources only, as nothing here can build them.
    """

    findings: list[Finding] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    unbuilt: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class SourceFile:
    """One file, read and parsed once for all its requirements."""

    name: str
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
    def marks(self) -> frozenset[str]:
        """The controls that its tests are marked with."""
        return symbols.marks(self.module)

    @cached_property
    def documents(self) -> list[Document]:
        """The documents that it holds."""
        return [replace(document, file=self.name) for document in reader_of(self.name)(self.text)]


def _missing_mark(file: SourceFile, control: str) -> Iterator[tuple[int, str]]:
    """Find that no test of a file is marked with the control's id."""
    if control not in file.marks:
        yield 1, f"no test is marked {control}"


TEXTS: Mapping[str, Callable[[SourceFile, Requirement], Iterator[tuple[int, str]]]] = {
    "line": lambda file, requirement: lines.missing(file.text, requirement["line"]),
    "never": lambda file, requirement: lines.forbidden(file.text, requirement["never"]),
    "calls": lambda file, requirement: symbols.missing_call(file.module, requirement),
    "defines": lambda file, requirement: symbols.missing_definition(file.module, requirement["defines"]),
    "marks": lambda file, requirement: _missing_mark(file, requirement["marks"]),
}
THINGS: Mapping[str, Callable[[list[Document], Requirement], Iterator[Problem]]] = {
    "field": fields.problems,
    "none": fields.present,
    "commands": pipelines.problems,
}


class Structure:
    """A repository's files and built overlays, each read once."""

    def __init__(self, repository: Path) -> None:
        self.repository = repository
        self.builder = kubernetes.find_builder()
        self._files: dict[str, SourceFile] = {}
        self._overlays: dict[str, dict[str, list[Document]]] = {}

    def problems(self, requirement: Requirement) -> Iterator[Problem]:
        """Find where a requirement does not hold."""
        if "overlays" in requirement:
            yield from self._of_overlays(requirement)
            return
        if "absent" in requirement:
            yield from ((name, 1, "this file must not be here") for name in self._matching(requirement["absent"]))
            return
        pattern = str(requirement["file"])
        names = [pattern] if (self.repository / pattern).is_file() else self._matching(pattern)
        if not names:
            yield pattern, 1, "the file is gone"
            return
        files = [self._file(name) for name in names]
        try:
            yield from self._of_files(pattern, files, requirement)
        except (OSError, ValueError, SyntaxError) as error:
            yield pattern, getattr(error, "lineno", None) or 1, f"it cannot be read: {error}"

    def _matching(self, pattern: str) -> list[str]:
        return sorted(path.relative_to(self.repository).as_posix() for path in self.repository.glob(pattern))

    def _file(self, name: str) -> SourceFile:
        return self._files.setdefault(name, SourceFile(name, self.repository / name))

    def _of_files(self, pattern: str, files: list[SourceFile], requirement: Requirement) -> Iterator[Problem]:
        for word, check in TEXTS.items():
            if word in requirement:
                yield from ((file.name, *problem) for file in files for problem in check(file, requirement))
        if any(word in requirement for word in THINGS):
            documents = [document for file in files for document in file.documents]
            yield from ((file or pattern, line, words) for file, line, words in _problems(documents, requirement))

    def _of_overlays(self, requirement: Requirement) -> Iterator[Problem]:
        """The problems of built overlays, each at a source that has it too, else at the first overlay that has it."""
        folder = str(requirement["overlays"])
        try:
            if folder not in self._overlays:
                self._overlays[folder] = self._read(folder)
        except (OSError, ValueError) as error:
            yield folder, 1, str(error)
            return
        sources, *overlays = self._overlays[folder].values()
        known = {words: (file or folder, line) for file, line, words in _problems(sources, requirement)}
        if not overlays:  # What a patch would bring is not missing.
            yield from ((*place, words) for words, place in known.items() if not words.endswith("is missing"))
        for file, documents in list(self._overlays[folder].items())[1:]:
            for _, _, words in _problems(documents, requirement):
                yield (*known.get(words, (file, 1)), words)

    def _read(self, folder: str) -> dict[str, list[Document]]:
        """The documents of the sources of a folder's overlays, and then those of each built overlay, by its file."""
        path = self.repository / folder
        built = kubernetes.build(path, self.builder) if self.builder else {}
        return {"": kubernetes.read_sources(path.parent, self.repository)} | {
            f"{folder}/{name}/kustomization.yaml": documents for name, documents in built.items()
        }


def _problems(documents: list[Document], requirement: Requirement) -> Iterator[Problem]:
    for word, find in THINGS.items():
        if word in requirement:
            yield from find(documents, requirement)


def find_regressions(repository: Path, controls: list[Control], *, deletable: frozenset[str]) -> Report:
    """Check every requirement of some controls; `deletable` files belong to the repository's user."""
    structure, report = Structure(repository), Report()
    for control in controls:
        own = [name for name in control.files() if name in deletable]
        if own and not any((repository / name).exists() for name in own):
            report.dropped.append(control.id)
            continue
        if not structure.builder and any("overlays" in requirement for requirement in control.requires):
            report.unbuilt.append(control.id)
        problems = (problem for requirement in _all_of(control) for problem in structure.problems(requirement))
        report.findings.extend(Finding(control.id, control.statement, *problem) for problem in dict.fromkeys(problems))
    return report


def find_unlisted(repository: Path, controls: list[Control]) -> list[Finding]:
    """Find the controls that tests are marked with and no file lists, as when a whole file of the catalogue is gone."""
    listed = {control.id for control in controls}
    found: dict[str, Finding] = {}
    for path in sorted((repository / "tests").rglob("test_*.py")):
        name = path.relative_to(repository).as_posix()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            for control in _ID.findall(" ".join(_MARKS.findall(line))):
                if control not in listed:
                    found.setdefault(control, Finding(control, _UNLISTED, name, number, "its row is gone"))
    return list(found.values())


def _all_of(control: Control) -> list[Requirement]:
    """All requirements of a control: that its code and its tests exist, and those that it lists."""
    tests = [place for place in control.verified if place != OUTSIDE]
    return [*map(_code, control.implemented), *(_test(place, control.id) for place in tests), *control.requires]


def _code(place: str) -> Requirement:
    """The requirement that a file of code exists, and defines the symbol that is named."""
    name, _, symbol = place.partition(":")
    return {"file": name, "defines": symbol} if symbol and name.endswith(".py") else {"file": name}


def _test(place: str, control: str) -> Requirement:
    """The requirement that a file exists, and that one of its tests, if it holds tests, carries the control's id."""
    name = place.partition(":")[0]
    return {"file": name, "marks": control} if name.endswith(".py") else {"file": name}
