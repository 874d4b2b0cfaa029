"""What an update would do: to files, to answers, and to the controls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from scaffold.rendered.answers import Answer
from scaffold.template.ownership import Owner
from scaffold.updating.trees import Entry

MARKER = "\n+<<<<<<< "
"""A diff that holds this adds conflict markers to a file."""


class Kind(StrEnum):
    """What becomes of a file."""

    ADDED = "added"
    CHANGED = "changed"
    MERGED = "merged"
    RENAMED = "renamed"
    CARRIED = "carried"
    REMOVED = "removed"
    CONFLICT = "conflict"
    LOST = "lost"
    KEPT = "kept"
    ADVISORY = "advisory"


MEANINGS: Mapping[Kind, str] = {
    Kind.ADDED: "new from the template",
    Kind.CHANGED: "changed by the template, not edited by you",
    Kind.MERGED: "changed by both, in different places",
    Kind.RENAMED: "moved by the template; your edits move along",
    Kind.CARRIED: "its imports follow what the template moved",
    Kind.REMOVED: "removed by the template, not edited by you",
    Kind.CONFLICT: "changed by both in the same place: you decide",
    Kind.LOST: "stands in the way and would be overwritten: the update is not applied",
    Kind.KEPT: "kept as you have it",
    Kind.ADVISORY: "yours; the template's part changed, for you to read",
}


@dataclass(frozen=True)
class Stages:
    """The three sides of a file, as git's index keeps those of a conflict; None where a side has no file."""

    base: Entry | None
    ours: Entry | None
    theirs: Entry | None

    def index_lines(self, path: str) -> list[str]:
        """The entries for `git update-index --index-info`."""
        sides = enumerate((self.base, self.ours, self.theirs), start=1)
        return [f"{entry.mode} {entry.blob} {stage}\t{path}" for stage, entry in sides if entry]


@dataclass(frozen=True)
class FileChange:
    """What becomes of one file.

    Attributes:
        reason: Why, where the kind does not say it.
        former: The path that it had, if it moves.
        stages: The sides of a conflict, or of a file of yours that the template changed.
        diff: What differs, as git words it; for an advisory what the template changed.
    """

    path: str
    kind: Kind
    owner: Owner
    reason: str = ""
    former: str | None = None
    stages: Stages | None = None
    diff: str = ""

    @property
    def merges_lines(self) -> bool:
        """Whether a conflict is marked inside the file."""
        return MARKER in self.diff

    def to_json(self) -> dict[str, object]:
        """The change as a document."""
        return {
            "path": self.path,
            "kind": str(self.kind),
            "owner": self.owner,
            "former": self.former,
            "reason": self.reason or MEANINGS[self.kind],
            "diff": self.diff,
        }


@dataclass(frozen=True)
class QuestionChange:
    """What becomes of one answer; `former` is the question's old name, if it has another now."""

    key: str
    kind: str
    value: Answer | None
    before: Answer | None = None
    former: str | None = None

    def to_json(self) -> dict[str, object]:
        """The change as a document."""
        return {
            "key": self.key,
            "kind": self.kind,
            "value": self.value,
            "before": self.before,
            "former": self.former,
        }


@dataclass(frozen=True)
class ControlChange:
    """A control that the new version brings, drops or tightens, or that an edit of yours touches.

    Attributes:
        detail: What is different.
    """

    id: str
    statement: str
    detail: str = ""

    def to_json(self) -> dict[str, str]:
        """The change as a document."""
        return {"id": self.id, "statement": self.statement, "detail": self.detail}


@dataclass(frozen=True)
class SecurityDelta:
    """What an update means for the controls that the repository claims."""

    added: list[ControlChange] = field(default_factory=list)
    removed: list[ControlChange] = field(default_factory=list)
    tightened: list[ControlChange] = field(default_factory=list)
    reopened: list[ControlChange] = field(default_factory=list)

    def to_json(self) -> dict[str, list[dict[str, str]]]:
        """The delta as a document."""
        return {name: [change.to_json() for change in changes] for name, changes in self.sections().items()}

    def sections(self) -> dict[str, list[ControlChange]]:
        """The changes by what they are."""
        return {
            "added": self.added,
            "removed": self.removed,
            "tightened": self.tightened,
            "reopened": self.reopened,
        }


@dataclass(frozen=True)
class Plan:
    """An update, or a change of answers, before anything is touched.

    Attributes:
        before: The version that the repository has.
        after: The version that it would have.
        tree: The files as they would be, conflicts with their markers: a tree of the workshop.
        carried: A tree of the workshop from which all that the result needs can be reached.
        keeps_lock: Whether the repository has a lock file.
        warnings: What else a person should know.
        needs: What trying its result would need.
    """

    before: str
    after: str
    tree: str
    carried: str
    keeps_lock: bool
    files: list[FileChange]
    questions: list[QuestionChange]
    security: SecurityDelta
    warnings: list[str]
    needs: list[str] = field(default_factory=list)

    @classmethod
    def of_nothing(cls, version: str) -> Plan:
        """The plan of a repository that is up to date."""
        return cls(
            before=version,
            after=version,
            tree="",
            carried="",
            keeps_lock=False,
            files=[],
            questions=[],
            security=SecurityDelta(),
            warnings=[],
        )

    @property
    def conflicts(self) -> list[FileChange]:
        """The files that a person must decide about."""
        return self.of(Kind.CONFLICT)

    @property
    def lost(self) -> list[FileChange]:
        """The files because of which nothing is applied."""
        return self.of(Kind.LOST)

    @property
    def needs_decisions(self) -> bool:
        """Whether the result cannot be tried before a person has decided about a file."""
        return bool(self.conflicts or self.lost)

    @property
    def is_nothing(self) -> bool:
        """Whether there is nothing to do."""
        return not self.tree

    @property
    def unmerged(self) -> list[str]:
        """The index entries of all conflicts."""
        return [line for change in self.conflicts if change.stages for line in change.stages.index_lines(change.path)]

    def of(self, kind: Kind) -> list[FileChange]:
        """The files of one kind."""
        return [change for change in self.files if change.kind is kind]

    def to_json(self) -> dict[str, object]:
        """The plan as a document."""
        return {
            "from": self.before,
            "to": self.after,
            "files": [change.to_json() for change in self.files],
            "questions": [change.to_json() for change in self.questions],
            "security": self.security.to_json(),
            "warnings": self.warnings,
            "needs": self.needs,
        }


@dataclass
class Verification:
    """Which steps were taken to try a plan's result, and why the others were not."""

    steps: dict[str, bool] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
