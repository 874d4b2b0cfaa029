"""`mcp-scaffold update`: merge a newer version of the template."""

from __future__ import annotations

from scaffold import console
from scaffold.errors import ExitStatus
from scaffold.template.source import template_source
from scaffold.updating import updates
from scaffold.updating.updates import Request


def update(request: Request, version: str | None, *, json: bool) -> ExitStatus:
    """Update a repository as requested, and print the outcome.

    Returns:
        The exit status: 0, or 3 when there are conflicts or an edit would be lost.

    Raises:
        ScaffoldError: It cannot be updated; nothing is changed.
        Interrupted: A signal ended the work; nothing is changed.
    """
    outcome = updates.update(request, version, template_source(), console.PROGRESS)
    console.conclude(outcome.to_json(), outcome.in_words(diffs=request.plan), outcome.warnings, json=json)
    return outcome.exit_status
