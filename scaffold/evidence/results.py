"""Results that exist: of tests (`junit.xml`), a proof (`proof.json`) and scans (`*.sarif`)."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias
from xml.etree import ElementTree as ET

from scaffold.documents import JsonValue
from scaffold.errors import RefusedError
from scaffold.proof.report import PROOF_FILE, is_sealed

JUNIT_FILE, IMAGE_FILE, SCANS = "junit.xml", "image-digest", "*.sarif"


class Outcome(StrEnum):
    """How one piece of evidence ended, from the worst to the best."""

    FAILED = "failed"
    MISSING = "missing"
    """It was to be there and is not, or cannot be believed: nothing that lacks it is verified."""
    NOT_ASKED = "not asked"
    """It would say more, and nothing rests on it."""
    IN_PLACE = "in place"
    """Structure that stands where behaviour is to be shown: it turns nothing green."""
    PASSED = "passed"


_WORST_FIRST = {outcome: rank for rank, outcome in enumerate(Outcome)}


@dataclass(frozen=True)
class Origin:
    """What results are about.

    Attributes:
        commit: Where they were made; empty where they do not say.
        uncommitted: Whether files had been changed since.
        time: When, in ISO 8601; empty where they do not say.
    """

    commit: str = ""
    uncommitted: bool = False
    time: str = ""


@dataclass(frozen=True)
class Result:
    """The worst outcome of a test's cases."""

    outcome: Outcome
    reason: str = ""


@dataclass(frozen=True)
class RunOfTests:
    """The results of a run of tests, by `file::Class.test`; `broken` are the files that could not be imported.

    Attributes:
        unknown: Tests that have results and are not in their file.
    """

    origin: Origin
    results: Mapping[str, Result]
    broken: Mapping[str, str] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class ProbeResult:
    """How one probe ended."""

    id: str
    control: str
    status: str
    observation: str


@dataclass(frozen=True)
class ProofRun:
    """The results of a proof; `sealed` unless somebody edited them."""

    origin: Origin
    sealed: bool
    probes: tuple[ProbeResult, ...]


@dataclass(frozen=True)
class ScanFinding:
    """Something that a scan calls an error."""

    scan: str
    rule: str
    file: str
    line: int
    commit: str


@dataclass(frozen=True)
class Results:
    """All results of a folder; what is not there is None, or empty.

    Attributes:
        files: Where each was read, by its name.
        image: The digest of the released image, such as `sha256:…`.
    """

    tests: RunOfTests | None = None
    proof: ProofRun | None = None
    scans: tuple[ScanFinding, ...] = ()
    image: str = ""
    files: Mapping[str, Path] = field(default_factory=dict)

    @property
    def origins(self) -> list[Origin]:
        """What the results are about that say it."""
        return [run.origin for run in (self.tests, self.proof) if run]


Tests: TypeAlias = Mapping[str, Mapping[str, frozenset[str]]]
"""The tests of a repository, by their files, with the controls that mark them."""


def read_results(folder: Path, tests: Tests) -> Results:
    """Read the results that lie in a folder.

    Raises:
        RefusedError: There is no such folder, a file cannot be read, or `junit.xml` has results of other tests.
    """
    if not folder.is_dir():
        raise RefusedError(f"{folder} is no folder: name the one that holds {JUNIT_FILE} and {PROOF_FILE}.")
    scans = sorted(folder.glob(SCANS))
    files = {path.name: path for path in (folder / JUNIT_FILE, folder / PROOF_FILE, folder / IMAGE_FILE, *scans)}
    texts = {name: _text(path) for name, path in files.items() if path.exists()}
    return Results(
        tests=_tests(texts[JUNIT_FILE], folder / JUNIT_FILE, tests) if JUNIT_FILE in texts else None,
        proof=_proof(_json(texts[PROOF_FILE], files[PROOF_FILE])) if PROOF_FILE in texts else None,
        scans=tuple(found for path in scans for found in _scan(path.stem, _json(texts[path.name], path), path)),
        image=_image(texts.get(IMAGE_FILE, ""), folder / IMAGE_FILE),
        files={name: files[name] for name in texts},
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise RefusedError(f"{path} cannot be read: {reason}.") from error


def _json(text: str, path: Path) -> JsonValue:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RefusedError(f"{path} cannot be read: it is no JSON.") from error


def _image(text: str, path: Path) -> str:
    digest = text.strip()
    if digest and not (digest.startswith("sha256:") and len(digest) == len("sha256:") + 64):
        raise RefusedError(f"{path} holds no digest: write one line, such as sha256:0123….")
    return digest


def _tests(text: str, path: Path, tests: Tests) -> RunOfTests:
    suites = _suites(text, path)
    modules = {file.removesuffix(".py").replace("/", "."): file for file in tests}
    results: dict[str, Result] = {}
    broken: dict[str, str] = {}
    cases = [case for suite in suites for case in suite.iter("testcase")]
    for case in cases:
        result, place = _result(case), _place(case, modules)
        if place in tests and result.outcome is Outcome.FAILED:
            broken[place] = result.reason
        known = results.get(place)
        if known is None or _WORST_FIRST[result.outcome] < _WORST_FIRST[known.outcome]:
            results[place] = result
    ours = {f"{file}::{test}" for file, names in tests.items() for test in names}
    unread = {file for file, names in tests.items() if not names} & {place.partition("::")[0] for place in results}
    if cases and not broken and not unread and not ours & results.keys():
        raise RefusedError(f"{path} has results of other tests: give those of this repository (uv run poe evidence).")
    here = {place: found for place, found in results.items() if place in ours}
    unknown = tuple(
        sorted(place for place in results.keys() - ours if place.partition("::")[0] in tests.keys() - broken)
    )
    return RunOfTests(_origin_of(suites), here, broken, unknown)


def _suites(text: str, path: Path) -> list[ET.Element]:
    """The suites of a JUnit report; pytest writes no document type, which is what entities need."""
    try:
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise RefusedError(f"{path} cannot be read: it declares a document type, as no report of tests does.")
        root = ET.fromstring(text)  # noqa: S314 -- without entities
    except ET.ParseError as error:
        raise RefusedError(f"{path} cannot be read: it is no XML.") from error
    if root.tag not in ("testsuites", "testsuite"):
        raise RefusedError(f"{path} cannot be read: it is no report of tests in JUnit's form.")
    return [root] if root.tag == "testsuite" else root.findall("testsuite")


def _origin_of(suites: list[ET.Element]) -> Origin:
    """The one commit that all suites name, or none."""
    found = [{each.get("name"): each.get("value", "") for each in suite.iter("property")} for suite in suites]
    commits = {properties.get("commit", "") for properties in found}
    return Origin(
        commits.pop() if len(commits) == 1 else "",
        any(properties.get("uncommitted", "") == "true" for properties in found),
        max((_in_utc(suite.get("timestamp", "")) for suite in suites), default=""),
    )


def _in_utc(time: str) -> str:
    """A time as UTC; pytest writes it with its offset, or in UTC without one."""
    if not time:
        return ""
    try:
        moment = dt.datetime.fromisoformat(time)
    except ValueError as error:
        raise RefusedError(f"The results are of {time!r}, which is no time: make them anew.") from error
    return moment.replace(tzinfo=moment.tzinfo or dt.UTC).astimezone(dt.UTC).isoformat(timespec="seconds")


def _place(case: ET.Element, modules: Mapping[str, str]) -> str:
    """`file::Class.test` of a case, or the file that could not be collected."""
    dotted, name = case.get("classname", ""), case.get("name", "").partition("[")[0]
    if not dotted and name in modules:
        return modules[name]
    module = dotted
    while module and module not in modules:
        module = module.rpartition(".")[0]
    inner = dotted[len(module) :].strip(".")
    return f"{modules.get(module, '')}::{f'{inner}.' if inner else ''}{name}"


def _result(case: ET.Element) -> Result:
    for kind, outcome, words in (
        ("failure", Outcome.FAILED, "failed"),
        ("error", Outcome.FAILED, "ended with an error"),
        ("skipped", Outcome.MISSING, "was skipped"),
    ):
        found = case.find(kind)
        if found is not None:
            message = " ".join((found.get("message") or "").split())
            return Result(outcome, f"{words}: {message[:200]}" if message else words)
    return Result(Outcome.PASSED)


def _proof(document: JsonValue) -> ProofRun:
    probes = document.get("probes") if isinstance(document, dict) else None
    if not isinstance(probes, list) or not all(isinstance(probe, dict) for probe in probes):
        raise RefusedError(f"{PROOF_FILE} cannot be read: it is no proof that mcp-scaffold prove wrote.")
    origin = Origin(
        str(document.get("commit") or ""),
        document.get("uncommitted") is True,
        _in_utc(str(document.get("started") or "")),
    )
    texts = (
        {name: str(probe.get(name, "")) for name in ("id", "control", "status", "observation")} for probe in probes
    )
    return ProofRun(origin, is_sealed(document), tuple(ProbeResult(**text) for text in texts))


def _scan(name: str, document: JsonValue, path: Path) -> Iterator[ScanFinding]:
    """The errors of a SARIF 2.1.0 report that nobody suppressed (3.27)."""
    try:
        for run in document["runs"]:
            commit = next((str(each.get("revisionId", "")) for each in run.get("versionControlProvenance", ())), "")
            levels = _levels(run)
            for result in run.get("results") or ():
                level = result.get("level") or levels.get(result.get("ruleId"), "warning")
                if level == "error" and not result.get("suppressions"):
                    file, line = _location(result)
                    yield ScanFinding(name, str(result.get("ruleId", "")), file, line, commit)
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise RefusedError(f"{path} cannot be read: it is no SARIF.") from error


def _levels(run: JsonValue) -> dict[str, str]:
    """What a scanner calls each of its rules, where a result does not say it."""
    rules = run["tool"]["driver"].get("rules") or ()
    return {rule["id"]: rule.get("defaultConfiguration", {}).get("level", "warning") for rule in rules}


def _location(result: JsonValue) -> tuple[str, int]:
    for location in result.get("locations") or ():
        place = location.get("physicalLocation", {})
        file = str(place.get("artifactLocation", {}).get("uri", ""))
        return file.removeprefix("./").removeprefix("/"), int(place.get("region", {}).get("startLine", 1))
    return "", 1
