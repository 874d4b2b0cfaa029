"""What else follows a file that the template moved: imports in a person's code; other mentions are told."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from scaffold.template.ownership import Ownership
from scaffold.updating.comparison import FileOutcome
from scaffold.updating.imports import Modules, carry_imports, module_of, names_of
from scaffold.updating.plan import FileChange, Kind
from scaffold.updating.trees import Entry, Tree, Workshop


@dataclass(frozen=True)
class Carrying:
    """The files after an update, as far as they are a person's, and what moved in it.

    Attributes:
        moved: The new paths of files that moved, by their old ones.
        theirs: The newer render.
        owners: Whose its files are.
    """

    workshop: Workshop
    package: str
    moved: Mapping[str, str]
    theirs: Tree
    owners: Ownership

    def carry(self, outcomes: list[FileOutcome], ours: Tree) -> tuple[list[FileOutcome], list[str]]:
        """The outcomes, with those of files whose imports follow, and a sentence for whatever cannot."""
        written = {path: entry for outcome in outcomes for path, entry in outcome.writes.items()}
        result = {path: entry for path, entry in {**ours, **written}.items() if entry is not None}
        modules = self._modules(result)
        if not modules.moved:
            return outcomes, []
        unsettled = {outcome.change.path for outcome in outcomes if outcome.change.kind in (Kind.CONFLICT, Kind.LOST)}
        carried: dict[str, Entry] = {}
        told: list[str] = []
        for path in sorted(path for path in result.keys() - unsettled if self._is_a_persons(path, result[path])):
            text = self._text(result[path])
            if path.endswith(".py"):
                is_authors = self.owners.of(path) == "yours" or path not in self.theirs
                followed = carry_imports(text, path, modules.for_authors() if is_authors else modules.for_merged())
                told += followed.lost
                if followed.text != text:
                    carried[path] = Entry(result[path].mode, self.workshop.store(followed.text.encode()))
                text = followed.text
            told += _mentions(path, text, modules)
        return self._merged(outcomes, carried), told

    def _merged(self, outcomes: list[FileOutcome], carried: dict[str, Entry]) -> list[FileOutcome]:
        """The outcomes with these writes: in the one that writes the file already, else in one of their own."""
        writing = {path for outcome in outcomes for path in outcome.writes}
        kept = [
            replace(
                outcome, writes={**outcome.writes, **{path: carried[path] for path in outcome.writes.keys() & carried}}
            )
            for outcome in outcomes
            if not self._is_moot(outcome, carried)
        ]
        own = [
            FileOutcome(FileChange(path, Kind.CARRIED, self.owners.of(path)), {path: entry})
            for path, entry in carried.items()
            if path not in writing
        ]
        return sorted([*kept, *own], key=lambda outcome: outcome.change.path)

    def _is_moot(self, outcome: FileOutcome, carried: Mapping[str, Entry]) -> bool:
        """Whether a file is, with its imports carried, what the template would advise."""
        path = outcome.change.path
        return outcome.change.kind is Kind.ADVISORY and path in carried and carried[path] == self.theirs.get(path)

    def _is_a_persons(self, path: str, entry: Entry) -> bool:
        return entry.is_regular and self.theirs.get(path) != entry

    def _modules(self, result: Tree) -> Modules:
        sources = f"src/{self.package}/"
        moved = {
            module_of(old).removeprefix(f"{self.package}."): module_of(new).removeprefix(f"{self.package}.")
            for old, new in self.moved.items()
            if old.startswith(sources) and old.endswith(".py")
        }
        names = {
            module_of(path).removeprefix(f"{self.package}."): self._names(result.get(path, entry), entry)
            for path, entry in self.theirs.items()
            if moved and path.startswith(sources) and path.endswith(".py") and entry.is_regular
        }
        return Modules(self.package, moved, names)

    def _names(self, entry: Entry, rendered: Entry) -> frozenset[str]:
        """What a module binds with your edits in it; without them where they cannot be read, such as in a conflict."""
        try:
            return names_of(self._text(entry))
        except (SyntaxError, ValueError):
            return names_of(self._text(rendered))

    def _text(self, entry: Entry) -> str:
        """A file as text; nothing of one that is none."""
        try:
            return self.workshop.content(entry.blob).decode()
        except UnicodeDecodeError:
            return ""


def _mentions(path: str, text: str, modules: Modules) -> Iterator[str]:
    """Where a file names a module, or its file, by what it was called before."""
    names = re.compile(rf"\b{re.escape(modules.package)}[./]([\w./]*\w)")
    for number, line in enumerate(text.splitlines(), start=1):
        for found in names.finditer(line):
            named = found[1].removesuffix(".py").replace("/", ".")
            if old := _former(named, modules):
                new = modules.moved[old]
                yield f"{path}:{number} names {found[0]}, which is in {modules.package}.{new} now: change it there."


def _former(named: str, modules: Modules) -> str | None:
    """The moved module that a dotted name is, or is inside of, unless it is inside of one that is there now."""
    parts = named.split(".")
    prefixes = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    known = next((prefix for prefix in prefixes if prefix in modules.moved or prefix in modules.names), None)
    return known if known in modules.moved else None
