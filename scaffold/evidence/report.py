"""`report.html`: the assessment for people, in one file that needs no network."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from scaffold.console import shown
from scaffold.evidence.assessment import Assessment
from scaffold.evidence.frameworks import describe
from scaffold.evidence.verdicts import ClauseVerdict, Status

REPORT_FILE = "report.html"
_TEMPLATE = "report.html.jinja"
_MARKS = {
    "verified": "✓",
    "failed": "✗",
    "not verified": "○",
    "owner": "◇",
    "not-applicable": "\N{EN DASH}",
    "uncommitted": "!",
}
_WORDS = {
    "owner": "the owner's",
    "not-applicable": "not applicable",
    "uncommitted": "and uncommitted changes",
    **{status: status for status in map(str, Status)},
}
_TOLD = ("transport", "auth_provider", "deployment", "compliance", "telemetry", "ci", "owner", "security_contact")
"""The answers that tell a reader what kind of server it is, and whom to ask."""


_TITLE_ENDS = re.compile(r"[:;]\s|\.(?:\s+[A-Z]|$)")


@dataclass(frozen=True)
class _Framework:
    name: str
    title: str
    about: str
    clauses: Sequence[ClauseVerdict]

    @property
    def counts(self) -> dict[str, int]:
        counts = Counter(each.status for each in self.clauses)
        return {status: counts[status] for status in _MARKS if counts[status]}


def write_report(assessment: Assessment) -> str:
    """The report as HTML; whatever a repository says of itself is text in it."""
    repository, answers = assessment.repository, assessment.repository.answers
    frameworks = list(_frameworks(assessment))
    attention = [verdict for verdict in assessment.verdicts if verdict.status is not Status.VERIFIED]
    used = {str(verdict.status) for verdict in assessment.verdicts}.union(*(each.counts for each in frameworks))
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    environment.filters["moment"] = _moment
    template = environment.from_string(files("scaffold.evidence").joinpath(_TEMPLATE).read_text(encoding="utf-8"))
    url = repository.answer("repository_url")
    return template.render(
        name=repository.answer("project_name", repository.slug),
        slug=repository.slug,
        url=url if url.startswith("https://") else "",
        commit=assessment.commit,
        uncommitted=assessment.uncommitted,
        time=assessment.time,
        template=repository.template_version,
        answers={key: shown(answers[key]) for key in _TOLD if key in answers},
        counts=assessment.counts,
        notices=assessment.notices,
        controls=assessment.verdicts,
        attention=sorted(attention, key=lambda verdict: verdict.status is not Status.FAILED),
        frameworks=frameworks,
        shown=[status for status in _MARKS if status in used],
        marks=_MARKS,
        words=_WORDS,
    )


def _moment(time: str) -> str:
    """A time for people."""
    return time.replace("T", " ").replace("+00:00", " UTC")


def _frameworks(assessment: Assessment) -> Iterator[_Framework]:
    """The frameworks, first those that somebody chose."""
    chosen = assessment.repository.answers.get("compliance")
    order = chosen if isinstance(chosen, list) else []
    for name in sorted(assessment.frameworks, key=lambda name: (name not in order, name)):
        about = describe(assessment.repository.path, name)
        yield _Framework(name, _TITLE_ENDS.split(about)[0] or name, about, assessment.frameworks[name])
