"""Three trees become changes: what the template was, what it is now, and what you made of it.

Every path of the template is in exactly one of the cases below, so nothing is changed without being named.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from scaffold.template.ownership import Owner, Ownership
from scaffold.updating.moves import choose_moves
from scaffold.updating.plan import FileChange, Kind, Stages
from scaffold.updating.trees import Entry, Tree, Workshop

# What `git merge-file` returns at most for conflicts; more is a failure, such as for a binary file.
_MOST_CONFLICTS = 127


@dataclass(frozen=True)
class RenderedTree:
    """A render as a git tree, with the owners of its files, and the label that conflict markers show."""

    id: str
    files: Tree
    owners: Ownership
    label: str


@dataclass(frozen=True)
class FileOutcome:
    """The change to one file, and what it writes: an entry by path, None where the path is removed."""

    change: FileChange
    writes: Mapping[str, Entry | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """What the template was, what it is now, and the files as they are.

    Attributes:
        seeds: The paths that may be written although they are yours, because they never existed.
        moves: Where the template says that its files may stand now, by their old paths.
    """

    workshop: Workshop
    base: RenderedTree
    theirs: RenderedTree
    ours: Tree
    seeds: frozenset[str] = frozenset()
    moves: Mapping[str, list[str]] = field(default_factory=dict)

    def outcomes(self) -> list[FileOutcome]:
        """What becomes of every file that the template changes, or would."""
        renames = self.renames
        moved = {*renames, *renames.values()}
        found = [outcome for former, path in sorted(renames.items()) for outcome in self._moved(former, path)]
        for path in sorted({*self.base.files, *self.theirs.files} - moved):
            decide = self._managed if self.owner(path) == "managed" else self._yours
            found.extend(decide(path))
        return sorted(found, key=lambda outcome: outcome.change.path)

    def owner(self, path: str) -> Owner:
        """The owner of a file, according to the newest render that has it."""
        return (self.theirs if path in self.theirs.files else self.base).owners.of(path)

    @cached_property
    def renames(self) -> dict[str, str]:
        """The template's renames of managed files, but for those whose two paths you both use."""
        similar = self.workshop.renames(self.base.id, self.theirs.id)
        found = choose_moves(self.moves, self.base.files.keys(), self.theirs.files.keys(), similar)
        return {
            former: path
            for former, path in found.items()
            if self.owner(former) == self.owner(path) == "managed" and not (former in self.ours and path in self.ours)
        }

    def _managed(self, path: str) -> Iterator[FileOutcome]:
        base, ours, theirs = self.base.files.get(path), self.ours.get(path), self.theirs.files.get(path)
        if theirs in (base, ours):
            return
        if ours == base:
            kind = Kind.ADDED if base is None else Kind.REMOVED if theirs is None else Kind.CHANGED
            yield FileOutcome(self._change(path, kind), {path: theirs})
        elif theirs is None:
            yield FileOutcome(self._change(path, Kind.KEPT, "the template removed it, your edits stay in it"))
        elif ours is None:
            yield FileOutcome(
                self._change(path, Kind.KEPT, "you removed it; the template changed it, it stays removed")
            )
        else:
            yield self._merged(path, Stages(base, ours, theirs))

    def _moved(self, former: str, path: str) -> Iterator[FileOutcome]:
        """A file that the template moved; you may have moved it there yourself."""
        ours = self.ours.get(former) or self.ours.get(path)
        if ours is None:
            reason = f"you removed {former}; the template moved it here, it stays removed"
            yield FileOutcome(self._change(path, Kind.KEPT, reason))
            return
        stages = Stages(self.base.files[former], ours, self.theirs.files[path])
        outcome = self._merged(path, stages)
        if former in self.ours:
            kind = Kind.RENAMED if outcome.change.kind is Kind.MERGED else outcome.change.kind
            change = replace(outcome.change, kind=kind, former=former)
            outcome = FileOutcome(change, {former: None, path: ours, **outcome.writes})
        yield outcome

    def _yours(self, path: str) -> Iterator[FileOutcome]:
        base, ours, theirs = self.base.files.get(path), self.ours.get(path), self.theirs.files.get(path)
        if theirs in (base, ours):
            return
        if path in self.seeds:
            change = self._change(path, Kind.ADDED, "begun for you by the answers; yours from now on")
            yield FileOutcome(change, {path: theirs})
        elif theirs is None:
            yield FileOutcome(self._change(path, Kind.KEPT, "yours; the template no longer begins such a file"))
        elif (base is None) == (ours is None):
            reason = "" if ours else "the template now begins this file; take it if you want it"
            advice = self._change(path, Kind.ADVISORY, reason)
            yield FileOutcome(replace(advice, stages=Stages(base, ours, theirs)))

    def _merged(self, path: str, stages: Stages) -> FileOutcome:
        """Merge the three sides of a file, of which neither yours nor the template's is missing."""
        base, ours, theirs = stages.base, stages.ours, stages.theirs
        assert ours is not None  # noqa: S101 -- for the type checker
        assert theirs is not None  # noqa: S101 -- for the type checker
        mode = theirs.mode if base is not None and ours.mode == base.mode else ours.mode
        if base is not None and theirs.blob == base.blob:
            merged, clean = ours.blob, True
        elif base is not None and ours.blob == base.blob:
            merged, clean = theirs.blob, True
        elif all(side is None or side.is_regular for side in (base, ours, theirs)):
            merged, clean = self._merge_contents(base.blob if base else None, ours.blob, theirs.blob)
        else:
            merged, clean = ours.blob, False
        kind = Kind.MERGED if clean else Kind.CONFLICT
        change = self._change(path, kind)
        return FileOutcome(change if clean else replace(change, stages=stages), {path: Entry(mode, merged)})

    def _merge_contents(self, base: str | None, ours: str, theirs: str) -> tuple[str, bool]:
        """Merge by lines; return the content, and whether it is without conflict. A binary file stays yours."""
        with TemporaryDirectory() as name:
            folder = Path(name)
            sides = {"ours": ours, "base": base, "theirs": theirs}
            for side, blob in sides.items():
                (folder / side).write_bytes(self.workshop.content(blob))
            labels = ("-L", "yours", "-L", self.base.label, "-L", self.theirs.label)
            files = [str(folder / side) for side in sides]
            done = self.workshop.git.run("merge-file", "--stdout", "--quiet", "--diff3", *labels, *files)
        if done.returncode > _MOST_CONFLICTS:
            return ours, False
        return self.workshop.store(done.stdout), done.returncode == 0

    def _change(self, path: str, kind: Kind, reason: str = "") -> FileChange:
        return FileChange(path, kind, self.owner(path), reason)


def without_hidden_edits(outcomes: list[FileOutcome], hidden: Collection[str]) -> list[FileOutcome]:
    """The same outcomes, but those that would overwrite an edit that git does not report write nothing."""
    return [_visible(outcome, hidden) for outcome in outcomes]


def _visible(outcome: FileOutcome, hidden: Collection[str]) -> FileOutcome:
    for path in outcome.writes.keys() & hidden:
        reason = (
            f"your edit of {path} is hidden from git and would be overwritten: run git update-index --no-skip-worktree "
            f"{path} and git update-index --no-assume-unchanged {path}, commit it or put it aside, then update again"
        )
        return FileOutcome(replace(outcome.change, kind=Kind.LOST, reason=reason, stages=None))
    return outcome


def without_obstacles(outcomes: list[FileOutcome], ours: Tree, folder: Path) -> list[FileOutcome]:
    """The same outcomes, but those that would overwrite a file that git does not know write nothing.

    The same holds for those that need a file where a folder is, or a folder where a file is.
    """
    written = {path: entry for outcome in outcomes for path, entry in outcome.writes.items()}
    result = {path for path in {*ours, *written} if written.get(path, ours.get(path)) is not None}
    folders = {str(parent) for path in result for parent in PurePosixPath(path).parents}
    return [_checked(outcome, ours, folder, result, folders) for outcome in outcomes]


def _checked(outcome: FileOutcome, ours: Tree, folder: Path, result: set[str], folders: set[str]) -> FileOutcome:
    for path, entry in outcome.writes.items():
        if entry is None or path in ours:
            continue
        if obstacle := _obstacle(path, ours, folder, result, folders):
            change = replace(outcome.change, kind=Kind.LOST, reason=f"{obstacle}: move it away, then update again")
            return FileOutcome(replace(change, stages=None))
    return outcome


def _obstacle(path: str, ours: Tree, folder: Path, result: set[str], folders: set[str]) -> str:
    """Why a new file cannot be written; empty if it can."""
    if path in folders:
        return f"the template needs a file where you have the folder {path}"
    parents = [str(parent) for parent in PurePosixPath(path).parents]
    for parent in parents[:-1]:
        existing = folder / parent
        if parent in result:
            return f"the template needs a folder where you have the file {parent}"
        if parent not in ours and (existing.is_symlink() or (existing.exists() and not existing.is_dir())):
            return f"the template needs a folder where {parent} stands, which git ignores"
    existing = folder / path
    in_place_of_a_file = any(parent in ours for parent in parents)
    if not in_place_of_a_file and (existing.is_symlink() or existing.exists()):
        return f"{path} exists and git ignores it, so it would be overwritten"
    return ""
