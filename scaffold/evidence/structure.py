"""Whether the structure of a repository bears its controls, as `check` sees it."""

from __future__ import annotations

from scaffold.controls import Report, find_regressions, find_unlisted
from scaffold.rendered.repository import RenderedRepository
from scaffold.template.ownership import Ownership
from scaffold.template.source import template_source


def check_structure(repository: RenderedRepository) -> Report:
    """Compare the structure of a repository with what its controls require.

    Raises:
        NotRendered: There is no catalogue of controls.
        RefusedError: A row of it cannot be read.
    """
    controls = repository.controls
    ownership = Ownership.read(template_source().questions)
    named = {name for control in controls for name in control.files()}
    deletable = frozenset(name for name in named if ownership.of(name) == "yours")
    report = find_regressions(repository.path, controls, deletable=deletable)
    report.findings.extend(find_unlisted(repository.path, controls))
    return report
