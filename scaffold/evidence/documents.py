"""All files that an assessment is written as."""

from __future__ import annotations

from collections.abc import Mapping

from scaffold.evidence.assessment import Assessment
from scaffold.evidence.oscal import (
    COMPONENT_FILE,
    RESULTS_FILE,
    write_assessment_results,
    write_component_definition,
)
from scaffold.evidence.report import REPORT_FILE, write_report
from scaffold.evidence.spreadsheet import write_spreadsheet
from scaffold.evidence.statement import STATEMENT_FILE, write_statement


def write_documents(assessment: Assessment) -> Mapping[str, bytes]:
    """The files by their names: the results that were read, what follows of them, and the statement of all."""
    files = {name: path.read_bytes() for name, path in assessment.results.files.items()}
    files[COMPONENT_FILE] = write_component_definition(assessment).encode()
    files[RESULTS_FILE] = write_assessment_results(assessment).encode()
    files["controls.csv"] = write_spreadsheet(assessment).encode()
    files[REPORT_FILE] = write_report(assessment).encode()
    return {**files, STATEMENT_FILE: write_statement(assessment, files).encode()}
