"""`statement.json`: an in-toto statement that binds the results to what they are about.

The form is in-toto's Statement v1, the predicate its test result v0.1 with members of our own beside those that it
defines, as its parsing rules allow. It is not signed here: CI does that, with an identity that people can trust.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from scaffold.documents import JsonValue
from scaffold.evidence.assessment import Assessment
from scaffold.evidence.verdicts import Status
from scaffold.proof.report import digest

STATEMENT_FILE = "statement.json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://in-toto.io/attestation/test-result/v0.1"
LOCKED_TOOLS = "tools.lock.json"
COMMIT = "commit"
_RESULTS = {Status.FAILED: "FAILED", Status.NOT_VERIFIED: "WARNED", Status.VERIFIED: "PASSED"}


def write_statement(assessment: Assessment, files: Mapping[str, bytes]) -> str:
    """The statement of an assessment and of the files that it is written as."""
    bound = {name: _sha256(content) for name, content in files.items()}
    locked = assessment.repository.path / LOCKED_TOOLS
    if locked.is_file():
        bound[LOCKED_TOOLS] = _sha256(locked.read_bytes())
    subjects: list[JsonValue] = [{"name": name, "digest": {"sha256": bound[name]}} for name in sorted(bound)]
    if assessment.results.image:
        image = assessment.repository.answer("image_repository", assessment.repository.slug)
        subjects.append({"name": image, "digest": {"sha256": assessment.results.image.removeprefix("sha256:")}})
    if assessment.commit:
        subjects.append({"name": COMMIT, "digest": {"gitCommit": assessment.commit}})
    statement: JsonValue = {
        "_type": STATEMENT_TYPE,
        "subject": subjects,
        "predicateType": PREDICATE_TYPE,
        "predicate": _predicate(assessment, bound),
    }
    statement["predicate"]["seal"] = seal_of(statement)
    return f"{json.dumps(statement, indent=2)}\n"


def seal_of(statement: JsonValue) -> str:
    """The digest of a statement without its seal; it shows an edit, and keeps nobody from sealing anew."""
    predicate = {name: value for name, value in statement["predicate"].items() if name != "seal"}
    return digest(statement | {"predicate": predicate})


def _predicate(assessment: Assessment, bound: Mapping[str, str]) -> dict[str, JsonValue]:
    worst = next((status for status in Status if assessment.ids(status)), Status.NOT_VERIFIED)
    read = [name for name in (*assessment.results.files, LOCKED_TOOLS) if name in bound]
    return {
        "result": _RESULTS[worst],
        "configuration": [{"name": name, "digest": {"sha256": bound[name]}} for name in sorted(read)],
        "passedTests": assessment.ids(Status.VERIFIED),
        "warnedTests": assessment.ids(Status.NOT_VERIFIED),
        "failedTests": assessment.ids(Status.FAILED),
        "repository": assessment.repository.slug,
        "commit": assessment.commit,
        "uncommitted": assessment.uncommitted,
        "time": assessment.time,
        "frameworks": {
            name: {each.clause.id: each.status for each in clauses} for name, clauses in assessment.frameworks.items()
        },
    }


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
