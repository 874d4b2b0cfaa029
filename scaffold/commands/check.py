"""`mcp-scaffold check`: is every control still in place?"""

from __future__ import annotations

from pathlib import Path

from scaffold.console import emit, say
from scaffold.controls import Finding, find_regressions, read_catalogue
from scaffold.errors import ProofError
from scaffold.ownership import Ownership
from scaffold.source import template_source


def check(path: Path, *, json: bool) -> int:
    """Compare the structure of a repository with what its controls require.

    Returns:
        The exit status: 0, or 4 when a control regressed.

    Raises:
        NotRendered: There is no catalogue of controls.
    """
    repository = path.resolve()
    controls = read_catalogue(repository)
    named = {place.partition(":")[0] for control in controls for place in control.implemented}
    ownership = Ownership.read(template_source().questions)
    deletable = frozenset(name for name in named if ownership.of(name) == "yours")
    findings = find_regressions(repository, controls, deletable=deletable)
    if json:
        emit({"controls": len(controls), "findings": [finding.to_json() for finding in findings]})
    else:
        say("\n".join(_words(finding) for finding in findings) or f"All {len(controls)} controls are in place.")
    return ProofError.exit_status if findings else 0


def _words(finding: Finding) -> str:
    return f"{finding.control}  {finding.file}:{finding.line}: {finding.problem}\n    {finding.statement}"
