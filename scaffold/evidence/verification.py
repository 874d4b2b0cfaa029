"""Checks a statement offline: that it is of this commit, of these files, and as it was written.

A statement comes plain, in a DSSE envelope, or in a sigstore bundle (one JSON document, or one a line). A signature is
compared with the certificate that comes with it; whom that belongs to, only cosign or gh can tell.
"""

from __future__ import annotations

import base64
import binascii
import csv
import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from scaffold import documents
from scaffold.documents import JsonValue
from scaffold.errors import RefusedError
from scaffold.evidence.statement import LOCKED_TOOLS, STATEMENT_TYPE, seal_of
from scaffold.rendered.repository import RenderedRepository
from scaffold.rendered.revision import Revision

PAYLOAD_TYPE = "application/vnd.in-toto+json"
_OUTCOMES = {"passedTests": "verified", "warnedTests": "not verified", "failedTests": "failed"}


@dataclass
class Verification:
    """What came of a check.

    Attributes:
        signer: Whom the certificate of its signature names; empty for a plain statement.
        problems: Why the statement cannot be relied upon, a sentence each.
        notices: What was not compared.
    """

    commit: str = ""
    signed: bool = False
    signer: str = ""
    subjects: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, object]:
        """The check as a document."""
        return {
            "verified": not self.problems,
            "commit": self.commit,
            "signed": self.signed,
            "signer": self.signer,
            "subjects": self.subjects,
            "problems": self.problems,
            "notices": self.notices,
        }


def verify_statement(path: Path, repository: RenderedRepository) -> Verification:
    """Compare a statement with a repository, and with the files that lie beside the statement.

    Raises:
        RefusedError: The file cannot be read, or holds no statement.
    """
    result = Verification()
    statement = _unwrapped(_document(path), path, result)
    _require_statement(statement, path)
    predicate = statement["predicate"]
    if "seal" in predicate:
        if predicate["seal"] != seal_of(statement):
            result.problems.append("It was edited: what it says does not fit its seal.")
    elif not result.signed:
        result.problems.append("It has neither a signature nor a seal, so that nobody would see an edit.")
    _compare_subjects(statement["subject"], path.parent, repository, result)
    _compare_commit([*statement["subject"], *_configuration(predicate)], repository, result)
    result.problems.extend(_contradictions(predicate, path.parent))
    if not result.signed:
        result.notices.append("It is not signed: whoever can write the file can make another that fits.")
    elif result.signer:
        result.notices.append(f"Its certificate names {result.signer}: whether to trust that, cosign or gh tells.")
    if predicate.get("uncommitted") is True:
        result.notices.append("It is of uncommitted changes, too.")
    return result


def _document(path: Path) -> JsonValue:
    text = documents.read_text(path).strip()
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        [document] = map(json.loads, text.splitlines())
    except ValueError as error:
        raise RefusedError(f"{path} cannot be read: give one statement, envelope or bundle as JSON.") from error
    return document


def _unwrapped(document: JsonValue, path: Path, result: Verification) -> JsonValue:
    """The statement inside an envelope or a bundle, once its signature was compared."""
    if not isinstance(document, dict):
        return document
    envelope = document.get("dsseEnvelope", document)
    if not isinstance(envelope, dict) or "payload" not in envelope:
        return document
    try:
        payload = base64.b64decode(envelope["payload"], validate=True)
        statement = json.loads(payload)
        signatures = [base64.b64decode(each["sig"], validate=True) for each in envelope["signatures"]]
        certificate = _certificate(document)
    except (AttributeError, KeyError, IndexError, TypeError, ValueError, binascii.Error) as error:
        raise RefusedError(f"{path} cannot be read: it is no DSSE envelope of a statement.") from error
    if envelope.get("payloadType") != PAYLOAD_TYPE:
        result.problems.append(f"Its envelope is of {envelope.get('payloadType')}, not of {PAYLOAD_TYPE}.")
    if not signatures:
        result.problems.append("Its envelope has no signature.")
        return statement
    result.signed = True
    if certificate is None:
        result.notices.append("Its signature was not compared: the envelope brings no certificate (cosign tells).")
    else:
        result.signer = _identity(certificate)
        if not any(_fits(each, payload, certificate) for each in signatures):
            result.problems.append("Its signature does not fit the certificate that comes with it.")
    return statement


def _certificate(bundle: JsonValue) -> x509.Certificate | None:
    """The signer's certificate of a sigstore bundle; version 0.1 and 0.2 carry a chain."""
    material = bundle.get("verificationMaterial", {})
    raw = material.get("certificate") or (material.get("x509CertificateChain", {}).get("certificates") or [None])[0]
    return x509.load_der_x509_certificate(base64.b64decode(raw["rawBytes"])) if raw else None


def _identity(certificate: x509.Certificate) -> str:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return certificate.subject.rfc4514_string() or "nobody"
    return ", ".join(str(name.value) for name in names)


def _fits(signature: bytes, payload: bytes, certificate: x509.Certificate) -> bool:
    """Whether it signs the payload in DSSE's pre-authentication encoding."""
    kind = PAYLOAD_TYPE.encode()
    encoded = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
    key = certificate.public_key()
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, encoded, ec.ECDSA(hashes.SHA256()))
        elif isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, encoded)
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _require_statement(statement: JsonValue, path: Path) -> None:
    subjects = statement.get("subject") if isinstance(statement, dict) else None
    if (
        not isinstance(subjects, list)
        or statement.get("_type") != STATEMENT_TYPE
        or not isinstance(statement.get("predicate"), dict)
        or not all(isinstance(each, dict) and isinstance(each.get("digest"), dict) for each in subjects)
    ):
        raise RefusedError(f"{path} holds no in-toto statement: name the statement.json of an evidence, or its bundle.")


def _compare_subjects(
    subjects: list[JsonValue], beside: Path, repository: RenderedRepository, result: Verification
) -> None:
    for subject in subjects:
        name, digests = str(subject.get("name", "")), subject["digest"]
        result.subjects.append(name)
        if "gitCommit" in digests:
            continue
        file = repository.path / name if name == LOCKED_TOOLS else beside / Path(name).name
        if name == repository.answer("image_repository", repository.slug):
            result.notices.append(f"The image {name}@sha256:{digests.get('sha256')} is compared where it is deployed.")
        elif not file.is_file():
            result.problems.append(f"{name}, which it names, is not there.")
        elif hashlib.sha256(file.read_bytes()).hexdigest() != digests.get("sha256"):
            result.problems.append(f"{name} is not the file that it was made of.")


def _configuration(predicate: JsonValue) -> Iterator[JsonValue]:
    """What the tests ran on; CI names the commit here, as what it signs with takes files as subjects only."""
    given = predicate.get("configuration")
    yield from (each for each in given if isinstance(each, dict)) if isinstance(given, list) else ()


def _compare_commit(resources: list[JsonValue], repository: RenderedRepository, result: Verification) -> None:
    digests = [each.get("digest") for each in resources]
    commits = {str(each["gitCommit"]) for each in digests if isinstance(each, dict) and "gitCommit" in each}
    result.commit = ", ".join(sorted(commits))
    here = Revision.read(repository.path).commit
    if not result.commit:
        result.problems.append("It names no commit.")
    elif result.commit != here:
        result.problems.append(f"It is of the commit {result.commit}, and this is {here or 'none'}.")


def _contradictions(predicate: JsonValue, beside: Path) -> Iterator[str]:
    """Where the predicate says something else of a control than the spreadsheet beside it."""
    spreadsheet = beside / "controls.csv"
    if "seal" not in predicate or not spreadsheet.is_file():
        return
    rows = csv.DictReader(io.StringIO(spreadsheet.read_text(encoding="utf-8", errors="replace")))
    written = {str(row.get("control")): row.get("status") for row in rows}
    said = {str(control): word for member, word in _OUTCOMES.items() for control in predicate.get(member) or ()}
    for control in sorted(written.keys() | said.keys()):
        if written.get(control) != said.get(control):
            yield f"It says {said.get(control, 'nothing')} of {control}, and controls.csv {written.get(control)}."
