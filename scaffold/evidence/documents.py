"""All files that an assessment is written as."""

from __future__ import annotations

from collections.abc import Mapping

from scaffold.evidence.assessment import Assessment
from scaffold.evidence.spreadsheet import write_spreadsheet


def write_documents(assessment: Assessment) -> Mapping[str, bytes]:
    """The files by their names: the results that were read, what follows of them, and the statement of all."""
    files = {name: path.read_bytes() for name, path in assessment.results.files.items()}
    files["controls.csv"] = write_spreadsheet(assessment).encode()
    return files
