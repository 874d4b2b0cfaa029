"""An authorization server of our own, over https, that signs tokens of the shape that the rendered provider's have.

It runs in this process under a certificate authority that lives as long as the proof. The server under test trusts it
through `SSL_CERT_FILE`, discovers it as it would discover the real one, and cannot distinguish the two.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import ipaddress
import json
import ssl
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Claims = dict[str, Any]
HeaderField = str | dict[str, Any] | None

LIFETIME_SECONDS = 300
KEY_ID = "proof-1"


@dataclass(frozen=True)
class TokenShape:
    """How one provider's access tokens look: what their header and claims are called."""

    header_types: tuple[str, ...] = ("at+jwt",)
    audience_claim: str = "aud"
    scope_claim: str = "scope"
    client_claim: str = "client_id"
    subject_claim: str = "sub"
    required_claims: Mapping[str, Any] = field(default_factory=dict)
    id_token_claims: tuple[str, ...] = ()
    role_path: tuple[str, ...] = ("roles",)
    second_factor: tuple[str, str] | None = None
    scope_prefix: str = ""
    custom_scopes: bool = True

    @classmethod
    def from_row(cls, row: Mapping[str, Any], scope_prefix: str) -> TokenShape:
        """The shape of the tokens of one provider in `data/providers.yml`."""
        factor = row.get("second_factor")
        role = (row.get("role_claims") or [[]])[0]
        return cls(
            header_types=tuple(row.get("token_types") or ("JWT",)),
            audience_claim=row.get("audience_claim", "aud"),
            scope_claim=_first(row, "scope_claims", "scope"),
            client_claim=_first(row, "client_claims", "client_id"),
            subject_claim=_first(row, "subject_claims", "sub"),
            required_claims=dict(row.get("required_claims") or {}),
            id_token_claims=tuple(row.get("forbidden_claims") or ()),
            role_path=tuple(role.split(".") if isinstance(role, str) else role),
            second_factor=(factor["claim"], str(factor["values"][0])) if factor else None,
            scope_prefix=scope_prefix,
            custom_scopes=row.get("custom_scopes", True) is not False,
        )

    def scopes(self, names: Iterable[str]) -> str | list[str]:
        """Scope names as the provider puts them in a token.

        An `scp` claim holds bare names: a list where scopes are free (Okta), text where a prefix is asked for (Entra).
        """
        bare = [name.removeprefix(self.scope_prefix) for name in names]
        if self.scope_claim == "scp":
            return " ".join(bare) if self.scope_prefix else bare
        return " ".join(f"{self.scope_prefix}{name}" for name in bare)


def _first(row: Mapping[str, Any], key: str, otherwise: str) -> str:
    values = row.get(key) or [otherwise]
    return str(values[0])


class Authority:
    """A certificate authority for one proof: its certificate file is what the server trusts."""

    def __init__(self, folder: Path) -> None:
        """Write the certificate into `folder`."""
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mcp-scaffold proof")])
        self.certificate_file = folder / "authority.pem"
        self._folder = folder
        certificate = self._certificate(self._name, self._key.public_key(), authority=True)
        self.certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def server_context(self) -> ssl.SSLContext:
        """A TLS context with a new certificate for this machine's loopback names."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        certificate = self._certificate(subject, key.public_key(), authority=False)
        chain = self._folder / "issuer.pem"
        chain.touch(mode=0o600)
        chain.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        return context

    def _certificate(
        self, subject: x509.Name, public_key: ec.EllipticCurvePublicKey, *, authority: bool
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        usage = dict.fromkeys(_KEY_USAGES, False) | (
            {"key_cert_sign": True, "crl_sign": True} if authority else {"digital_signature": True}
        )
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(minutes=5))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=0 if authority else None), critical=True)
            .add_extension(x509.KeyUsage(**usage), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if not authority:
            names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False).add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
            )
        return builder.sign(self._key, hashes.SHA256())


_KEY_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


class Issuer:
    """Signs tokens that the server must accept, and any that it must refuse."""

    def __init__(self, url: str, audience: str, shape: TokenShape) -> None:
        """Make a signing key."""
        self.url = url
        self.audience = audience
        self.shape = shape
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._stranger: rsa.RSAPrivateKey | None = None

    @property
    def stranger(self) -> rsa.RSAPrivateKey:
        """A key that this issuer never published."""
        if self._stranger is None:
            self._stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return self._stranger

    @property
    def public_pem(self) -> bytes:
        """The published key as the text that a confused verifier would take for an HMAC secret."""
        return self._key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def claims(
        self, subject: str, scopes: Iterable[str], roles: Sequence[str] = (), *, second_factor: bool = True
    ) -> Claims:
        """The claims of a good access token for this audience."""
        now = int(time.time())
        claims: Claims = {
            "iss": self.url,
            "iat": now,
            "exp": now + LIFETIME_SECONDS,
            "jti": str(uuid.uuid4()),
            "sub": subject,
            self.shape.client_claim: "mcp-scaffold-prove",
            self.shape.subject_claim: subject,
            **self.shape.required_claims,
        }
        claims[self.shape.audience_claim] = self.audience
        claims |= self._powers(scopes, roles)
        if second_factor and self.shape.second_factor:
            name, value = self.shape.second_factor
            claims |= {name: [value] if name == "amr" else value, "auth_time": now}
        return claims

    def _powers(self, scopes: Iterable[str], roles: Sequence[str]) -> Claims:
        """What the token opens: scopes where the provider can grant a server's own, else roles."""
        if self.shape.custom_scopes:
            granted = self.shape.scopes(scopes)
            return {self.shape.scope_claim: granted} if granted else {}
        if not roles or not self.shape.role_path:
            return {}
        claims: Any = list(roles)
        for step in reversed(self.shape.role_path):
            claims = {step: claims}
        return dict(claims)

    def sign(self, claims: Mapping[str, Any], **header: HeaderField) -> str:
        """Sign claims as the published key would (RS256); `header` changes or, with None, removes a field."""
        return self._sign(self._key, claims, header)

    def sign_as_stranger(self, claims: Mapping[str, Any], **header: HeaderField) -> str:
        """Sign claims with a key that this issuer never published."""
        return self._sign(self.stranger, claims, header)

    def unsigned(self, claims: Mapping[str, Any]) -> str:
        """A token with the algorithm `none` and an empty signature (RFC 8725 section 2.1)."""
        return f"{_encode(self._header({'alg': 'none', 'kid': None}))}.{_encode(claims)}."

    def confused(self, claims: Mapping[str, Any]) -> str:
        """A token whose HMAC secret is the public key (RFC 8725 section 2.1)."""
        signed = f"{_encode(self._header({'alg': 'HS256'}))}.{_encode(claims)}"
        return f"{signed}.{_base64(hmac.new(self.public_pem, signed.encode(), hashlib.sha256).digest())}"

    def _sign(self, key: rsa.RSAPrivateKey, claims: Mapping[str, Any], changes: Mapping[str, Any]) -> str:
        signed = f"{_encode(self._header(changes))}.{_encode(claims)}"
        return f"{signed}.{_base64(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    def _header(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        header = {"alg": "RS256", "kid": KEY_ID, "typ": self.shape.header_types[0] or None, **changes}
        return {name: value for name, value in header.items() if value is not None}

    def key_document(self) -> dict[str, Any]:
        """The JSON Web Key Set (RFC 7517)."""
        return {"keys": [jwk(self._key.public_key(), KEY_ID)]}

    def metadata(self) -> dict[str, Any]:
        """Authorization server metadata (RFC 8414), which is also a valid OpenID provider configuration."""
        base = self.url.rstrip("/")
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{base}/authorize",
            "token_endpoint": f"{base}/token",
            "jwks_uri": f"{base}/keys",
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        }

    def documents(self) -> dict[str, dict[str, Any]]:
        """The documents to serve, by path: metadata at every path where a client may look for it, and the keys."""
        path = urlsplit(self.url).path.rstrip("/")
        metadata = self.metadata()
        paths = {
            f"/.well-known/oauth-authorization-server{path}",
            f"/.well-known/openid-configuration{path}",
            f"{path}/.well-known/openid-configuration",
        }
        return dict.fromkeys(paths, metadata) | {f"{path}/keys": self.key_document()}


def jwk(key: rsa.RSAPublicKey, key_id: str) -> dict[str, Any]:
    """A public key as a JSON Web Key."""
    numbers = key.public_numbers()
    return {
        "kty": "RSA",
        "use": "sig",
        "alg": "RS256",
        "kid": key_id,
        "n": _base64(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8)),
        "e": _base64(numbers.e.to_bytes((numbers.e.bit_length() + 7) // 8)),
    }


def _encode(document: Mapping[str, Any]) -> str:
    return _base64(json.dumps(document, separators=(",", ":")).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@contextmanager
def running_issuer(authority: Authority, path: str, audience: str, shape: TokenShape) -> Iterator[Issuer]:
    """Serve an issuer on a free loopback port, under the path that the real issuer has, until the block ends."""
    listener = _Listener(("127.0.0.1", 0), _Documents)
    issuer = Issuer(f"https://localhost:{listener.server_port}{path}", audience, shape)
    listener.documents = issuer.documents()
    listener.context = authority.server_context()
    thread = threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    documents: Mapping[str, Mapping[str, Any]]
    context: ssl.SSLContext

    def finish_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 -- as inherited
        """Do the TLS handshake in the request's own thread, so that a silent peer holds up nobody."""
        request.settimeout(5)
        try:
            with self.context.wrap_socket(request, server_side=True) as secured:
                super().finish_request(secured, client_address)
        except OSError:
            pass


class _Documents(BaseHTTPRequestHandler):
    server: _Listener
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        document = self.server.documents.get(urlsplit(self.path).path)
        body = json.dumps(document or {"error": "not_found"}).encode()
        self.send_response(200 if document else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- as inherited
        """Print nothing: the proof's output is its report."""
