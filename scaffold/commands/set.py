"""`mcp-scaffold set`: change answers of a repository."""

from __future__ import annotations

from collections.abc import Iterable

from scaffold import console
from scaffold.errors import ExitStatus
from scaffold.template.source import template_source
from scaffold.updating.updates import Request, change_answers


def set_answers(request: Request, assignments: Iterable[str], *, json: bool) -> ExitStatus:
    """Change answers as requested, and print the outcome.

    Returns:
        The exit status: 0, or 3 when there are conflicts or an edit would be lost.

    Raises:
        ScaffoldError: They cannot be changed; nothing is changed.
        Interrupted: A signal ended the work; nothing is changed.
    """
    outcome = change_answers(request, assignments, template_source(), console.PROGRESS)
    console.conclude(outcome.to_json(), outcome.in_words(diffs=request.plan), outcome.warnings, json=json)
    return outcome.exit_status
