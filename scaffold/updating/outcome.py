"""What became of an update or a change of answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from scaffold.errors import ExitStatus
from scaffold.updating import wording
from scaffold.updating.plan import Plan, Verification

STEPS = ("locked", "tested", "proven")


@dataclass(frozen=True)
class UpdateOutcome:
    """What was planned, how it was tried, and whether it is in the working tree now."""

    repository: Path
    plan: Plan
    verification: Verification = field(default_factory=Verification)
    applied: bool = False

    @property
    def warnings(self) -> list[str]:
        """What a person should know beside the plan."""
        return [*self.plan.warnings, *self.verification.warnings]

    @property
    def exit_status(self) -> ExitStatus:
        """3 where a person must decide, because of conflicts or of an edit that would be lost."""
        return ExitStatus.CONFLICT if self.plan.needs_decisions else ExitStatus.DONE

    def to_json(self) -> dict[str, object]:
        """The outcome as a document."""
        return {
            "repository": str(self.repository),
            **self.plan.to_json(),
            "conflicts": [change.path for change in self.plan.conflicts],
            "lost": [change.path for change in self.plan.lost],
            **dict.fromkeys(STEPS, False),
            **self.verification.steps,
            "applied": self.applied,
            "commands": wording.commands(self.plan) if self.plan.files else {},
            "warnings": self.warnings,
        }

    def in_words(self, *, diffs: bool) -> str:
        """The outcome for a person; with `diffs` also each difference that the plan makes."""
        if self.plan.is_nothing:
            return f"{self.repository} has it already: template {self.plan.after}, with these answers."
        paragraphs = [wording.plan_in_words(self.plan, diffs=diffs), self._ending()]
        return "\n\n".join(filter(None, paragraphs))

    def _ending(self) -> str:
        taken = ", ".join(step for step, done in self.verification.steps.items() if done)
        summary = f"{wording.summary(self.plan)}{f'; {taken}' if taken else ''}."
        if not self.applied:
            needs = "; ".join(self.plan.needs)
            return f"{summary} Nothing was written." + (
                f"\n\nTo try this before it is applied takes {needs}." if needs else ""
            )
        if self.plan.conflicts:
            return f"{summary}\n\n{wording.after_conflicts(self.plan, self.repository)}"
        return f"{summary}\n\n{wording.after_apply(self.plan, self.verification, self.repository)}"
