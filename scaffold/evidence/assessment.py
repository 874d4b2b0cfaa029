"""An assessment: a repository's controls and frameworks, judged by what was seen of it."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scaffold.evidence.frameworks import read_frameworks
from scaffold.evidence.procedures import read_procedures
from scaffold.evidence.results import Results, Tests
from scaffold.evidence.structure import check_structure
from scaffold.evidence.tests import removed_tests
from scaffold.evidence.verdicts import ClauseVerdict, Observations, Status, Verdict, judge_clauses, judge_controls
from scaffold.rendered.repository import RenderedRepository
from scaffold.rendered.revision import Revision

_FEW = 3


@dataclass(frozen=True)
class Assessment:
    """The verdicts, and what they are about.

    Attributes:
        time: When the last of the results was made, in ISO 8601.
        uncommitted: Whether files had been changed, here or where the results were made.
        notices: What a reader has to know of all of it, a sentence each.
    """

    repository: RenderedRepository
    commit: str
    uncommitted: bool
    time: str
    verdicts: tuple[Verdict, ...]
    frameworks: Mapping[str, tuple[ClauseVerdict, ...]]
    results: Results
    notices: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How many controls have each status."""
        counts = Counter(verdict.status for verdict in self.verdicts)
        return {str(status): counts[status] for status in reversed(Status)}

    def ids(self, status: Status) -> list[str]:
        """The controls of a status."""
        return [verdict.control.id for verdict in self.verdicts if verdict.status is status]

    def to_json(self) -> dict[str, object]:
        """The assessment as a document."""
        return {
            "controls": [
                {
                    "id": verdict.control.id,
                    "status": str(verdict.status),
                    "evidence": [each.to_json() for each in verdict.evidence],
                    "reasons": verdict.reasons,
                }
                for verdict in self.verdicts
            ],
            "frameworks": {
                name: {each.clause.id: each.status for each in clauses} for name, clauses in self.frameworks.items()
            },
            "commit": self.commit,
            "uncommitted": self.uncommitted,
            "time": self.time,
            "counts": self.counts,
            "notices": list(self.notices),
        }


def assess(repository: RenderedRepository, results: Results, tests: Tests, *, output: Path) -> Assessment:
    """Judge a repository by its structure and by results; changes in the folder of the output do not count.

    Raises:
        NotRendered: There is no answers file or no catalogue of controls.
        RefusedError: A row cannot be read, or an unknown framework is named.
    """
    chosen = repository.answers.get("compliance")
    frameworks = read_frameworks(repository.path, repository.controls, chosen if isinstance(chosen, list) else ())
    revision = Revision.read(repository.path, without=output)
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    time = max((origin.time for origin in results.origins if origin.time), default=now)
    seen = Observations(
        commit=revision.commit,
        structure=check_structure(repository),
        tests=tests,
        removed=removed_tests(repository.path, tests) if revision.uncommitted else {},
        results=results,
        procedures=read_procedures(repository.path),
        time=time,
    )
    verdicts = judge_controls(repository.controls, seen)
    return Assessment(
        repository=repository,
        commit=revision.commit,
        uncommitted=revision.uncommitted or any(origin.uncommitted for origin in results.origins),
        time=time,
        verdicts=verdicts,
        frameworks=judge_clauses(frameworks, verdicts),
        results=results,
        notices=tuple(_notices(revision, results)),
    )


def _notices(revision: Revision, results: Results) -> Sequence[str]:
    notices = []
    if not revision.commit:
        notices.append("The repository is in no commit, so nothing that ran can be bound to one: commit it.")
    if revision.uncommitted:
        notices.append("Files differ from the commit: this evidence is of uncommitted changes, too.")
    for name, run in (("junit.xml", results.tests), ("proof.json", results.proof)):
        if run is None:
            notices.append(f"There is no {name}: what it would show is not verified.")
        elif not run.origin.commit:
            notices.append(f"{name} does not say of which commit it is: what it shows is not verified.")
        elif run.origin.commit != revision.commit:
            notices.append(f"{name} is of another commit, {run.origin.commit}: what it shows is not verified.")
        elif run.origin.uncommitted:
            notices.append(f"{name} was made with uncommitted changes.")
    if results.tests and results.tests.unknown:
        gone = ", ".join(results.tests.unknown[:_FEW])
        notices.append(f"junit.xml has results of {len(results.tests.unknown)} tests that are not here: {gone}.")
    if results.proof and not results.proof.sealed:
        notices.append("proof.json was edited after the proof wrote it: what its probes show is not verified.")
    return notices
