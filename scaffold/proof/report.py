"""What a proof found: a document for programs, a table for people."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scaffold.proof.probe import Result, Status

PROOF_FILE = "proof.json"
FORMAT = 1
FEW = 3


@dataclass(frozen=True)
class ProofReport:
    """The results of all probes, and what they are about. Two proofs of the same server differ in times only.

    Attributes:
        commit: The commit that the repository was at, empty where it is in none.
        uncommitted: Whether files differed from it.
    """

    subject: str
    tier: str
    results: Sequence[Result]
    versions: Mapping[str, str]
    template: str = ""
    answers: Mapping[str, Any] = field(default_factory=dict)
    commit: str = ""
    uncommitted: bool = False
    started: str = ""
    seconds: float = 0.0
    log: str = ""

    @property
    def passed(self) -> bool:
        """Whether no probe failed, and at least one passed: a proof that could ask nothing proves nothing."""
        return not self.failures and any(result.status is Status.PASSED for result in self.results)

    @property
    def failures(self) -> list[Result]:
        """The probes that failed."""
        return [result for result in self.results if result.status is Status.FAILED]

    @property
    def named_failures(self) -> str:
        """The probes that failed, in words."""
        return ", ".join(result.probe.id for result in self.failures) or "nothing could be asked"

    def to_json(self) -> dict[str, Any]:
        """The whole report as one document."""
        document = {
            "format": FORMAT,
            "subject": self.subject,
            "template": self.template,
            "tier": self.tier,
            "passed": self.passed,
            "counts": self._counts(),
            "versions": dict(self.versions),
            "answers": dict(self.answers),
            "commit": self.commit,
            "uncommitted": self.uncommitted,
            "started": self.started,
            "seconds": self.seconds,
            "probes": [_result(result) for result in self.results],
        }
        document |= {"log": self.log.splitlines()} if self.log else {}
        return document | {"seal": digest(document)}

    def write(self, folder: Path) -> Path:
        """Write `proof.json` into a folder and return its path."""
        file = folder / PROOF_FILE
        file.write_text(f"{json.dumps(self.to_json(), indent=2)}\n", encoding="utf-8")
        return file

    def table(self) -> str:
        """The results for a terminal: what failed first and at length, then what could not be asked, then the rest."""
        width = max((len(result.probe.id) for result in self.results), default=0)
        lines = [line for result in self.failures for line in _failure(result, width)]
        lines += [f"skipped  {_named(ids)}: {reason}" for reason, ids in self._reasons().items()]
        passed = [result for result in self.results if result.status is Status.PASSED]
        lines += [f"passed   {result.probe.id:{width}}  {result.observation}" for result in passed]
        if self.log:
            lines += ["", "The last lines of its log:", *(f"  {line}" for line in self.log.splitlines())]
        return "\n".join([*lines, "", self.summary()])

    def summary(self) -> str:
        """One sentence."""
        counts = ", ".join(f"{count} {status}" for status, count in self._counts().items() if count)
        return f"{self.subject}: {counts or 'nothing was asked'} ({self.tier} probes, {self.seconds:.1f} s)."

    def _counts(self) -> dict[str, int]:
        counts = Counter(result.status for result in self.results)
        return {str(status): counts[status] for status in Status}

    def _reasons(self) -> dict[str, list[str]]:
        """Why probes could not be asked, and which."""
        reasons: dict[str, list[str]] = {}
        for result in self.results:
            if result.status is Status.SKIPPED:
                reasons.setdefault(result.observation, []).append(result.probe.id)
        return reasons


def digest(document: Mapping[str, Any]) -> str:
    """The SHA-256 of a document's content, whatever the order and the layout of its text."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def is_sealed(document: Mapping[str, Any]) -> bool:
    """Whether a report is as it was written; a seal shows an edit, and keeps nobody from sealing anew."""
    return document.get("seal") == digest({name: value for name, value in document.items() if name != "seal"})


def _result(result: Result) -> dict[str, Any]:
    probe = result.probe
    return {
        "id": probe.id,
        "title": probe.title,
        "status": str(result.status),
        "expectation": probe.expectation,
        "observation": result.observation,
        "source": {"title": probe.source.title, "url": probe.source.url},
        "control": probe.control,
        "tier": "core" if probe.core else "full",
        "seconds": result.seconds,
    }


def _failure(result: Result, width: int) -> Iterator[str]:
    probe = result.probe
    yield f"FAILED   {probe.id:{width}}  {probe.title}"
    yield f"         expected  {probe.expectation}"
    yield f"         observed  {result.observation}"
    yield f"         source    {probe.source.title} <{probe.source.url}>; control {probe.control}"


def _named(ids: Sequence[str]) -> str:
    """A few probes by their names, many by their families."""
    if len(ids) <= FEW:
        return ", ".join(ids)
    families = dict.fromkeys(name.partition(".")[0] for name in ids)
    return f"{len(ids)} probes of {', '.join(families)}"
