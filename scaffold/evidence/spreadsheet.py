"""`controls.csv`: a row a control, for a spreadsheet."""

from __future__ import annotations

import csv
import io

from scaffold.evidence.assessment import Assessment
from scaffold.evidence.results import Outcome
from scaffold.evidence.verdicts import Verdict

COLUMNS = ("control", "statement", "status", "evidence", "frameworks", "commit", "time")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_spreadsheet(assessment: Assessment) -> str:
    """The controls as CSV (RFC 4180); no cell begins as a formula does."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    rows.writerows(map(_harmless, _row(verdict, assessment)) for verdict in assessment.verdicts)
    return text.getvalue()


def _row(verdict: Verdict, assessment: Assessment) -> tuple[str, ...]:
    evidence = [
        f"{each.kind} {each.name}: {each.reason or each.outcome}"
        for each in verdict.evidence
        if each.outcome is not Outcome.NOT_ASKED
    ]
    frameworks = [f"{name} {clause}" for name, clauses in verdict.control.satisfies.items() for clause in clauses]
    return (
        verdict.control.id,
        verdict.control.statement,
        str(verdict.status),
        "; ".join(evidence),
        "; ".join(frameworks),
        assessment.commit,
        max((origin.time for origin in verdict.origins), default=assessment.time),
    )


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
