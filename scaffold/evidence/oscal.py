"""The assessment in OSCAL: which control of ours implements which clause, and what was found.

OSCAL's `control-id` is a clause of a framework; our controls are properties, in a namespace of their own. Every UUID
follows from what it names, so that equal results make equal files.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Sequence

from scaffold.documents import JsonValue
from scaffold.evidence.assessment import Assessment
from scaffold.evidence.frameworks import FOLDER
from scaffold.evidence.results import Outcome
from scaffold.evidence.verdicts import ClauseVerdict, Evidence, Status, Verdict
from scaffold.proof.report import digest

COMPONENT_FILE, RESULTS_FILE = "component-definition.json", "assessment-results.json"
OSCAL_VERSION = "1.1.3"
NAMESPACE = "https://example.com/ns/mcp-scaffold"
_METHODS = {"test": "TEST", "probe": "TEST", "scan": "TEST", "structure": "EXAMINE"}
_STATES = {
    Status.VERIFIED: {"state": "satisfied", "reason": "pass"},
    Status.FAILED: {"state": "not-satisfied", "reason": "fail"},
    Status.NOT_VERIFIED: {"state": "not-satisfied", "reason": "other"},
}


def write_component_definition(assessment: Assessment) -> str:
    """The repository's server as a component that implements the clauses which controls answer."""
    names = _Names(assessment)
    implementations = [
        {
            "uuid": names.of("implementation", framework),
            "source": f"#{names.of('framework', framework)}",
            "description": f"What {assessment.repository.slug} implements of {framework}.",
            "implemented-requirements": requirements,
        }
        for framework, clauses in assessment.frameworks.items()
        if (requirements := [_requirement(framework, each, assessment, names) for each in _answered(clauses)])
    ]
    component: dict[str, JsonValue] = {
        "uuid": names.of("component"),
        "type": "software",
        "title": assessment.repository.answer("project_name", assessment.repository.slug),
        "description": assessment.repository.answer("description", "An MCP server."),
    }
    if implementations:
        component["control-implementations"] = implementations
    body = {"components": [component]} | _back_matter(_resources(assessment, names))
    return _document("component-definition", body, assessment, names)


def write_assessment_results(assessment: Assessment) -> str:
    """What was observed of each control, and what was found for each clause which controls answer."""
    names = _Names(assessment)
    plan = {
        "uuid": names.of("plan"),
        "title": "How it was assessed",
        "description": "mcp-scaffold evidence: check, tests, proof, scans and the log of procedures, each at a commit.",
    }
    result: dict[str, JsonValue] = {
        "uuid": names.of("result"),
        "title": f"Controls of {assessment.repository.slug}",
        "description": " ".join(assessment.notices) or "Everything is of one commit.",
        "start": assessment.time,
        "props": [_property("commit", assessment.commit or "none"), _property("uncommitted", assessment.uncommitted)],
        "reviewed-controls": {"control-selections": list(_selections(assessment)) or [{"include-all": {}}]},
        "observations": [_observation(verdict, assessment, names) for verdict in assessment.verdicts],
    }
    findings = [
        _finding(framework, each, names)
        for framework, clauses in assessment.frameworks.items()
        for each in _answered(clauses)
    ]
    if findings:
        result["findings"] = findings
    body: dict[str, JsonValue] = {"import-ap": {"href": f"#{plan['uuid']}"}, "results": [result]}
    return _document("assessment-results", body | _back_matter([plan]), assessment, names)


def token(clause: str) -> str:
    """A clause as an OSCAL token: letters, digits, `.`, `-` and `_`, and no digit first."""
    text = re.sub(r"[^\w.-]+", "_", re.sub(r"\s*\((\w+)\)", r".\1", clause)).strip("_.")
    return text if text[:1].isalpha() else f"_{text}"


class _Names:
    """UUIDs, each of what it names in this repository."""

    def __init__(self, assessment: Assessment) -> None:
        origin = assessment.repository.answer("repository_url", assessment.repository.slug)
        self._root = uuid.uuid5(uuid.NAMESPACE_URL, f"{NAMESPACE}/{origin}")

    def of(self, *parts: str) -> str:
        return str(uuid.uuid5(self._root, "/".join(parts)))


def _document(kind: str, body: dict[str, JsonValue], assessment: Assessment, names: _Names) -> str:
    name = assessment.repository.answer("project_name", assessment.repository.slug)
    metadata = {
        "title": f"{name}: {kind.replace('-', ' ')}",
        "last-modified": assessment.time,
        "version": assessment.commit or "uncommitted",
        "oscal-version": OSCAL_VERSION,
    }
    content = {"metadata": metadata, **body}
    return f"{json.dumps({kind: {'uuid': names.of(kind, digest(content)), **content}}, indent=2)}\n"


def _back_matter(resources: list[JsonValue]) -> dict[str, JsonValue]:
    return {"back-matter": {"resources": resources}} if resources else {}


def _resources(assessment: Assessment, names: _Names) -> list[JsonValue]:
    return [
        {
            "uuid": names.of("framework", name),
            "title": name,
            "description": "The clauses, and who answers each.",
            "rlinks": [{"href": f"{FOLDER}/{name}.yaml"}],
        }
        for name in assessment.frameworks
    ]


def _answered(clauses: Sequence[ClauseVerdict]) -> list[ClauseVerdict]:
    return [each for each in clauses if each.clause.state == "controls"]


def _property(name: str, value: object) -> dict[str, str]:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return {"name": name, "ns": NAMESPACE, "value": text}


def _properties(each: ClauseVerdict) -> list[dict[str, str]]:
    return [_property("clause", each.clause.id), *(_property("control", control) for control in each.controls)]


def _requirement(framework: str, each: ClauseVerdict, assessment: Assessment, names: _Names) -> JsonValue:
    controls = {verdict.control.id: verdict.control for verdict in assessment.verdicts}
    statements = [f"{control}: {controls[control].statement}" for control in each.controls]
    requirement = {
        "uuid": names.of("requirement", framework, each.clause.id),
        "control-id": token(each.clause.id),
        "description": " ".join(statements) or each.clause.title,
        "props": [
            *_properties(each),
            *(_property("implemented", place) for control in each.controls for place in controls[control].implemented),
        ],
    }
    return requirement | ({"remarks": each.clause.note} if each.clause.note else {})


def _selections(assessment: Assessment) -> Iterator[JsonValue]:
    """The clauses of each framework: those that were reviewed, and those that are the owner's or do not apply."""
    for name, clauses in assessment.frameworks.items():
        answered = [{"control-id": token(each.clause.id)} for each in _answered(clauses)]
        others = [{"control-id": token(each.clause.id)} for each in clauses if each.clause.state != "controls"]
        if answered:
            selection = {"description": name, "include-controls": answered}
            yield selection | ({"exclude-controls": others} if others else {})


def _observation(verdict: Verdict, assessment: Assessment, names: _Names) -> JsonValue:
    seen = [each for each in verdict.evidence if each.outcome is not Outcome.NOT_ASKED] or list(verdict.evidence)
    observation: dict[str, JsonValue] = {
        "uuid": names.of("observation", verdict.control.id),
        "title": verdict.control.id,
        "description": verdict.control.statement,
        "props": [_property("control", verdict.control.id), _property("status", verdict.status)],
        "methods": sorted({_METHODS.get(each.kind, "INTERVIEW") for each in seen}),
        "collected": max((each.time for each in verdict.origins if "T" in each.time), default=assessment.time),
        "relevant-evidence": [{"description": _sentence(each)} for each in seen],
    }
    return observation | ({"remarks": " ".join(verdict.reasons)} if verdict.reasons else {})


def _sentence(evidence: Evidence) -> str:
    return f"{evidence.kind} {evidence.name}: {evidence.reason or evidence.outcome}"


def _finding(framework: str, each: ClauseVerdict, names: _Names) -> JsonValue:
    finding = {
        "uuid": names.of("finding", framework, each.clause.id),
        "title": f"{framework} {each.clause.id}: {each.status}",
        "description": each.clause.title,
        "props": _properties(each),
        "target": {
            "type": "objective-id",
            "target-id": token(each.clause.id),
            "status": _STATES[Status(each.status)],
        },
    }
    related = [{"observation-uuid": names.of("observation", control)} for control in each.controls]
    return finding | ({"related-observations": related} if related else {})
