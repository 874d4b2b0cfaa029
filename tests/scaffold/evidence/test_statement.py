"""`statement.json` binds the evidence to commit, files and tools, and `--verify` sees what does not fit."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from scaffold.errors import RefusedError
from tests.scaffold.evidence.conftest import Case
from tests.support import evidence as small

SIGNER = "https://git.example.com/notes/.github/workflows/release.yml@refs/tags/v1.0.0"


@pytest.fixture
def stated(case: Case) -> Case:
    """A case whose evidence is written, of an image, too."""
    small.write_junit(case.results, case.head)
    small.write_proof(case.results, case.head, [("tokens.signed", "AUTH-01", "passed")])
    (case.results / "image-digest").write_text(f"sha256:{'a' * 64}\n")
    case.run()
    return case


def statement_of(case: Case) -> dict[str, Any]:
    statement: dict[str, Any] = json.loads((case.written / "statement.json").read_text())
    return statement


def test_it_binds_every_file_the_commit_the_tools_and_the_image(stated: Case) -> None:
    statement = statement_of(stated)
    digests = {subject["name"]: subject["digest"] for subject in statement["subject"]}

    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert digests.pop("commit") == {"gitCommit": stated.head}
    assert digests.pop("small") == {"sha256": "a" * 64}
    tools = (stated.repository / "tools.lock.json").read_bytes()
    assert digests.pop("tools.lock.json") == {"sha256": hashlib.sha256(tools).hexdigest()}
    assert digests == {
        path.name: {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for path in stated.written.iterdir()
        if path.name != "statement.json"
    }


def test_it_says_what_was_found(stated: Case) -> None:
    predicate = statement_of(stated)["predicate"]

    assert predicate["result"] == "WARNED"
    assert "AUTH-01" in predicate["passedTests"]
    assert "GOV-01" in predicate["warnedTests"]
    assert predicate["failedTests"] == []
    assert predicate["frameworks"]["soc2"]["CC6.1"] == "verified"


def test_equal_results_make_equal_files(stated: Case) -> None:
    before = {path.name: path.read_bytes() for path in stated.written.iterdir()}
    stated.run()

    assert {path.name: path.read_bytes() for path in stated.written.iterdir()} == before


def test_what_was_written_fits(stated: Case) -> None:
    status, document = stated.verify()

    assert (status, document["verified"], document["problems"]) == (0, True, [])
    assert document["commit"] == stated.head
    assert document["signed"] is False


def _edit(case: Case, change: Callable[[dict[str, Any]], None]) -> None:
    statement = statement_of(case)
    change(statement)
    (case.written / "statement.json").write_text(json.dumps(statement))


def _edited_predicate(case: Case) -> None:
    _edit(case, lambda statement: statement["predicate"].update(result="PASSED"))


def _edited_subject(case: Case) -> None:
    _edit(case, lambda statement: statement["subject"].pop())


def _edited_type(case: Case) -> None:
    _edit(case, lambda statement: statement.update(predicateType="https://example.com/other"))


def _without_seal(case: Case) -> None:
    _edit(case, lambda statement: statement["predicate"].pop("seal"))


def _edited_spreadsheet(case: Case) -> None:
    file = case.written / "controls.csv"
    file.write_text(file.read_text().replace("not verified", "verified"))


def _missing_results(case: Case) -> None:
    (case.written / "junit.xml").unlink()


def _edited_tools(case: Case) -> None:
    (case.repository / "tools.lock.json").write_text('{"tools": []}\n')


def _later_commit(case: Case) -> None:
    small.commit(case.repository)


SPOILT: dict[Callable[[Case], None], str] = {
    _edited_predicate: "It was edited",
    _edited_subject: "It was edited",
    _edited_type: "It was edited",
    _without_seal: "neither a signature nor a seal",
    _edited_spreadsheet: "controls.csv is not the file",
    _missing_results: "junit.xml, which it names, is not there",
    _edited_tools: "tools.lock.json is not the file",
    _later_commit: "It is of the commit",
}


@pytest.mark.parametrize("spoil", SPOILT, ids=lambda spoil: spoil.__name__)
def test_what_does_not_fit_is_seen(stated: Case, spoil: Callable[[Case], None]) -> None:
    spoil(stated)

    status, document = stated.verify()

    assert status == 4
    assert document["verified"] is False
    assert SPOILT[spoil] in " ".join(document["problems"])


@pytest.mark.parametrize("text", ["{", "[]", '{"_type": "https://in-toto.io/Statement/v0.1"}', '{"payload": "!"}'])
def test_what_is_no_statement_is_refused(stated: Case, text: str) -> None:
    file = stated.written / "other.json"
    file.write_text(text)

    with pytest.raises(RefusedError):
        stated.verify(file)


class Signer:
    """Signs as a CI does, with a certificate of nobody that anyone trusts."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        now = dt.datetime.now(dt.UTC)
        name = x509.Name([])
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(self.key.public_key())
        builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + dt.timedelta(minutes=10))
        identity = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(SIGNER)])
        self.certificate = builder.add_extension(identity, critical=True).sign(self.key, hashes.SHA256())

    def envelope(self, payload: bytes) -> dict[str, Any]:
        kind = b"application/vnd.in-toto+json"
        encoded = b" ".join([b"DSSEv1", b"%d" % len(kind), kind, b"%d" % len(payload), payload])
        signature = self.key.sign(encoded, ec.ECDSA(hashes.SHA256()))
        return {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": kind.decode(),
            "signatures": [{"sig": base64.b64encode(signature).decode()}],
        }

    def bundle(self, payload: bytes) -> dict[str, Any]:
        raw = base64.b64encode(self.certificate.public_bytes(serialization.Encoding.DER)).decode()
        return {"verificationMaterial": {"certificate": {"rawBytes": raw}}, "dsseEnvelope": self.envelope(payload)}


def wrapped(case: Case, document: dict[str, Any]) -> Path:
    file = case.written / "statement.sigstore.json"
    file.write_text(json.dumps(document))
    return file


def test_a_bundle_is_verified_with_its_certificate_and_names_the_signer(stated: Case) -> None:
    payload = (stated.written / "statement.json").read_bytes()

    status, document = stated.verify(wrapped(stated, Signer().bundle(payload)))

    assert (status, document["signed"], document["signer"]) == (0, True, SIGNER)


def test_an_envelope_of_another_signature_is_seen(stated: Case) -> None:
    payload = (stated.written / "statement.json").read_bytes()
    bundle = Signer().bundle(payload)
    bundle["dsseEnvelope"] = Signer().envelope(payload)

    status, document = stated.verify(wrapped(stated, bundle))

    assert status == 4
    assert "does not fit the certificate" in " ".join(document["problems"])


def test_an_edited_payload_is_seen_in_an_envelope_without_a_certificate(stated: Case) -> None:
    statement = statement_of(stated)
    statement["predicate"]["failedTests"] = []
    statement["predicate"]["passedTests"].append("GOV-01")

    status, _ = stated.verify(wrapped(stated, Signer().envelope(json.dumps(statement).encode())))

    assert status == 4


def test_a_statement_of_ci_names_its_commit_among_what_the_tests_ran_on(stated: Case) -> None:
    junit = hashlib.sha256((stated.written / "junit.xml").read_bytes()).hexdigest()
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "junit.xml", "digest": {"sha256": junit}}],
        "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
        "predicate": {
            "result": "PASSED",
            "configuration": [{"name": "commit", "digest": {"gitCommit": stated.head}}],
        },
    }

    status, document = stated.verify(wrapped(stated, Signer().bundle(json.dumps(statement).encode())))

    assert (status, document["commit"]) == (0, stated.head)
