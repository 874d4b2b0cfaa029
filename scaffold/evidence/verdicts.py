"""What follows of the evidence: the status of each control, and of each clause of a framework."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from scaffold.controls import Control, Finding, Report
from scaffold.controls.catalogue import OUTSIDE
from scaffold.evidence.frameworks import Clause, Frameworks
from scaffold.evidence.procedures import PROCEDURES, Procedure
from scaffold.evidence.results import Origin, Outcome, Results, Tests

HERE = 12
"""So many characters of a commit are enough for a person."""


class Status(StrEnum):
    """What is known of a control."""

    FAILED = "failed"
    NOT_VERIFIED = "not verified"
    VERIFIED = "verified"


@dataclass(frozen=True)
class Evidence:
    """One thing that was looked at for a control.

    Attributes:
        kind: `test`, `probe`, `structure`, `scan`, `procedure` or `outside`.
        name: Which, such as `tests/runtime/test_http.py::test_x`.
        reason: Why it did not pass.
        origin: The commit and the time that it is of.
    """

    kind: str
    name: str
    outcome: Outcome
    reason: str = ""
    origin: Origin = field(default_factory=Origin)

    def to_json(self) -> dict[str, object]:
        """The evidence as a document."""
        return {
            "kind": self.kind,
            "name": self.name,
            "outcome": str(self.outcome),
            "reason": self.reason,
            "commit": self.origin.commit,
            "time": self.origin.time,
        }


@dataclass(frozen=True)
class Verdict:
    """A control's status, and all evidence for it."""

    control: Control
    evidence: tuple[Evidence, ...]

    @property
    def status(self) -> Status:
        """Failed if anything failed; verified if something passed and nothing that is needed is missing."""
        outcomes = {each.outcome for each in self.evidence}
        if Outcome.FAILED in outcomes:
            return Status.FAILED
        return (
            Status.VERIFIED if Outcome.PASSED in outcomes and Outcome.MISSING not in outcomes else Status.NOT_VERIFIED
        )

    @property
    def reasons(self) -> list[str]:
        """Why it is not verified; one sentence where much evidence has the same."""
        by_reason: dict[str, list[str]] = {}
        for each in self.evidence:
            if each.outcome in (Outcome.FAILED, Outcome.MISSING):
                by_reason.setdefault(each.reason, []).append(each.name)
        return [f"{names[0] if len(names) == 1 else f'{len(names)} tests'}: {why}" for why, names in by_reason.items()]

    @property
    def origins(self) -> list[Origin]:
        """The origins of what passed or failed."""
        return [each.origin for each in self.evidence if each.outcome in (Outcome.FAILED, Outcome.PASSED)]


@dataclass(frozen=True)
class ClauseVerdict:
    """A clause's status: that of its controls, or whose it is; and the controls that answer it."""

    clause: Clause
    status: str
    controls: tuple[str, ...]


@dataclass(frozen=True)
class Observations:
    """All that is known of a repository, before it is judged.

    Attributes:
        commit: The commit that is checked out; empty where there is none.
        tests: Its tests, with the controls that mark them.
        removed: The tests that were marked at the commit, and are not so now, with those controls.
        time: When its structure was looked at.
        today: The day on which procedures are due.
    """

    commit: str
    structure: Report
    tests: Tests
    results: Results
    removed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    procedures: Mapping[str, Procedure] = field(default_factory=dict)
    time: str = ""
    today: dt.date = field(default_factory=lambda: dt.datetime.now(dt.UTC).date())


def judge_controls(controls: Sequence[Control], seen: Observations) -> tuple[Verdict, ...]:
    """Give each control its verdict, those too that tests are marked with and no row lists."""
    judge = _Judge(seen)
    known = {control.id for control in controls}
    unlisted = [_unlisted(each) for each in seen.structure.findings if each.control not in known]
    return tuple(Verdict(control, tuple(judge.evidence(control))) for control in (*controls, *unlisted))


def judge_clauses(frameworks: Frameworks, verdicts: Sequence[Verdict]) -> dict[str, tuple[ClauseVerdict, ...]]:
    """Give each clause of each framework its status."""
    answering: dict[tuple[str, str], list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        for name, clauses in verdict.control.satisfies.items():
            for clause in clauses:
                answering[name, clause].append(verdict)
    return {
        name: tuple(_clause_verdict(clause, answering[name, clause.id]) for clause in clauses)
        for name, clauses in frameworks.items()
    }


def _clause_verdict(clause: Clause, verdicts: Sequence[Verdict]) -> ClauseVerdict:
    ids = tuple(verdict.control.id for verdict in verdicts)
    if clause.state != "controls":
        return ClauseVerdict(clause, clause.state, ids)
    statuses = {verdict.status for verdict in verdicts} or {Status.NOT_VERIFIED}
    return ClauseVerdict(clause, next(str(status) for status in Status if status in statuses), ids)


def _unlisted(finding: Finding) -> Control:
    return Control(finding.control, finding.statement, (), ())


class _Judge:
    """Finds the evidence for controls."""

    def __init__(self, seen: Observations) -> None:
        self._seen = seen
        self._marked: dict[str, list[str]] = defaultdict(list)
        for file, tests in seen.tests.items():
            for test, ids in tests.items():
                for control in ids:
                    self._marked[control].append(f"{file}::{test}")
        self._findings: dict[str, list[Finding]] = defaultdict(list)
        for finding in seen.structure.findings:
            self._findings[finding.control].append(finding)

    def evidence(self, control: Control) -> Iterator[Evidence]:
        """All evidence for a control; what its row names and is not there is missing evidence."""
        if control.id in self._seen.structure.dropped:
            gone = "its code and its tests, which were yours, are gone, so that nothing claims it"
            yield Evidence("structure", control.id, Outcome.MISSING, gone)
            return
        yield from self._of_structure(control)
        yield from self._of_tests(control)
        yield from self._of_probes(control)
        yield from self._of_people(control)
        yield from self._of_scans(control)

    def _of_structure(self, control: Control) -> Iterator[Evidence]:
        """Failed where `check` finds something; a test that is gone is missing instead."""
        now = Origin(self._seen.commit, time=self._seen.time)
        findings = self._findings[control.id]
        for finding in findings:
            test = _is_lost_test(finding, control)
            outcome = Outcome.MISSING if test else Outcome.FAILED
            place = f"{finding.file}:{finding.line}"
            yield Evidence("test" if test else "structure", place, outcome, finding.problem, now)
        if control.id in self._seen.structure.unbuilt:
            reason = "only its sources were read, as kubectl is not installed"
            yield Evidence("structure", control.id, Outcome.MISSING, reason, now)
        elif not findings:
            where = ", ".join(control.implemented) or control.id
            yield Evidence("structure", where, Outcome.PASSED if _by_structure(control) else Outcome.IN_PLACE, "", now)

    def _of_tests(self, control: Control) -> Iterator[Evidence]:
        run, ours = self._seen.results.tests, self._marked[control.id]
        for test in (test for test, ids in self._seen.removed.items() if control.id in ids):
            yield Evidence("test", test, Outcome.MISSING, "the commit has it, marked, and the files have not")
        for test in sorted(ours):
            if run is None:
                yield Evidence("test", test, Outcome.MISSING, "no junit.xml was given")
                continue
            file = test.partition("::")[0]
            found = run.results.get(test)
            if found is None and file in run.broken:
                outcome, reason = Outcome.FAILED, run.broken[file]
            elif found is None:
                outcome, reason = Outcome.MISSING, "it did not run"
            else:
                outcome, reason = found.outcome, found.reason
            yield Evidence("test", test, *self._trusted(outcome, reason, run.origin), run.origin)

    def _of_probes(self, control: Control) -> Iterator[Evidence]:
        """Probes that were not asked take nothing back; those of a proof that cannot be believed do."""
        run = self._seen.results.proof
        for probe in run.probes if run else ():
            if run is None or probe.control != control.id:
                continue
            if not run.sealed:
                yield Evidence("probe", probe.id, Outcome.MISSING, "proof.json was edited", run.origin)
            elif probe.status == "skipped":
                yield Evidence("probe", probe.id, Outcome.NOT_ASKED, probe.observation, run.origin)
            else:
                outcome = Outcome.PASSED if probe.status == "passed" else Outcome.FAILED
                reason = "" if outcome is Outcome.PASSED else f"failed: {probe.observation}"
                yield Evidence("probe", probe.id, *self._trusted(outcome, reason, run.origin), run.origin)

    def _trusted(self, outcome: Outcome, reason: str, origin: Origin) -> tuple[Outcome, str]:
        """What results are worth here: those of another commit nothing, those of an unknown one no green."""
        here = self._seen.commit
        if origin.commit and origin.commit != here:
            return Outcome.MISSING, f"it is of the commit {origin.commit[:HERE]}, and this is {here[:HERE] or 'none'}"
        if not origin.commit and outcome is not Outcome.FAILED:
            return Outcome.MISSING, "it does not say of which commit it is"
        return outcome, reason

    def _of_people(self, control: Control) -> Iterator[Evidence]:
        for place in control.verified:
            file, _, name = place.partition(":")
            if place == OUTSIDE:
                yield Evidence(
                    "outside", OUTSIDE, Outcome.MISSING, "its owner verifies it on the platform that does it"
                )
            elif file == PROCEDURES:
                procedure = self._seen.procedures.get(name)
                problem = procedure.problem(self._seen.today) if procedure else f"{PROCEDURES} has no such row"
                done = Origin(time=str(procedure.done)) if procedure and procedure.done else Origin()
                yield Evidence("procedure", name, Outcome.MISSING if problem else Outcome.PASSED, problem, done)

    def _of_scans(self, control: Control) -> Iterator[Evidence]:
        """Scans can only take back what structure shows."""
        if not _by_structure(control):
            return
        files = {place.partition(":")[0] for place in control.implemented}
        for found in self._seen.results.scans:
            if found.file in files and found.commit in ("", self._seen.commit):
                place = f"{found.file}:{found.line}"
                yield Evidence("scan", f"{found.scan} {found.rule}", Outcome.FAILED, f"it calls {place} an error")


def _is_lost_test(finding: Finding, control: Control) -> bool:
    """Whether a file that is to verify the control holds no test of it any more, or is gone."""
    lost = finding.problem.startswith(("no test is marked", "the file is gone"))
    return lost and finding.file.endswith(".py") and finding.file in control.verified


def _by_structure(control: Control) -> bool:
    """Whether the row names no test, and something that shows more than its code: structure alone may verify it."""
    places = [place for place in control.verified if place != OUTSIDE]
    return bool(places) and not any(place.endswith(".py") or place.startswith(PROCEDURES) for place in places)
