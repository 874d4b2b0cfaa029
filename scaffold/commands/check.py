"""`mcp-scaffold check`: is every control still in place?"""

from __future__ import annotations

from pathlib import Path

from scaffold.console import conclude
from scaffold.controls import Control, Finding, Report
from scaffold.errors import ExitStatus
from scaffold.evidence.structure import check_structure
from scaffold.rendered.answers import ANSWERS_FILE
from scaffold.rendered.repository import RenderedRepository
from scaffold.template.questions import STILL_AN_EXAMPLE, placeholders


def check(path: Path, *, json: bool) -> ExitStatus:
    """Compare the structure of a repository with what its controls require.

    Returns:
        The exit status: 0, or 4 when a control regressed.

    Raises:
        NotRendered: There is no catalogue of controls.
    """
    repository = RenderedRepository(path.resolve())
    report, controls = check_structure(repository), repository.controls
    notices = [*_notices(report), *_examples(repository)]
    findings = [finding.to_json() for finding in report.findings]
    words = [*map(_words, report.findings), *([] if report.findings else [_summary(controls, report)]), *notices]
    conclude({"controls": len(controls), "findings": findings, "notices": notices}, "\n".join(words), json=json)
    return ExitStatus.UNPROVEN if report.findings else ExitStatus.DONE


def _summary(controls: list[Control], report: Report) -> str:
    standing = len(controls) - len(report.dropped)
    number = f"All {standing}" if standing == len(controls) else f"{standing} of {len(controls)}"
    return f"{number} controls are in place."


def _notices(report: Report) -> list[str]:
    """Sentences about what is no regression, and yet worth knowing."""
    dropped = [
        f"{name} is no longer claimed: its code and tests, which were yours, are gone." for name in report.dropped
    ]
    unbuilt = [
        f"Only the sources of {', '.join(report.unbuilt)} were read: with kubectl on PATH, check builds every overlay."
    ]
    return [*dropped, *(unbuilt if report.unbuilt else [])]


def _examples(repository: RenderedRepository) -> list[str]:
    answers = repository.answers if (repository.path / ANSWERS_FILE).is_file() else {}
    named = ", ".join(f"{key} ({value})" for key, value in placeholders(answers).items())
    return [f"{STILL_AN_EXAMPLE} {named}."] if named else []


def _words(finding: Finding) -> str:
    return f"{finding.control}  {finding.file}:{finding.line}: {finding.problem}\n    {finding.statement}"
