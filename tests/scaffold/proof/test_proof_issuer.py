"""The issuer of a proof is a real authorization server in what it shows, and its tokens are the provider's in shape."""

from __future__ import annotations

import hashlib
import hmac
import json
import ssl
import urllib.request
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.exceptions import InvalidSignature

from scaffold.proof.issuer import Authority, Issuer, TokenShape, running_issuer
from scaffold.template.declarations import read_declarations
from scaffold.template.source import template_source

AUDIENCE = "https://mcp.example.com/mcp"
ROWS = read_declarations(template_source().questions / "copier.yml")["providers"]["default"]
PROVIDERS = sorted(ROWS.keys() - {"none"})


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def issuer(authority: Authority) -> Iterator[Issuer]:
    with running_issuer(authority, "/realms/acme", AUDIENCE, TokenShape()) as issuer:
        yield issuer


def fetch(authority: Authority, url: str) -> Any:
    context = ssl.create_default_context(cafile=str(authority.certificate_file))
    with urllib.request.urlopen(url, context=context, timeout=10) as response:
        return json.load(response)


@pytest.mark.parametrize(
    "place",
    [
        "/.well-known/oauth-authorization-server/realms/acme",
        "/.well-known/openid-configuration/realms/acme",
        "/realms/acme/.well-known/openid-configuration",
    ],
)
def test_discovery_is_where_clients_look(authority: Authority, issuer: Issuer, place: str) -> None:
    origin = issuer.url.removesuffix("/realms/acme")
    metadata = fetch(authority, origin + place)
    assert metadata["issuer"] == issuer.url
    assert "S256" in metadata["code_challenge_methods_supported"]
    assert fetch(authority, metadata["jwks_uri"])["keys"][0]["kty"] == "RSA"


def test_nobody_else_trusts_it(issuer: Issuer) -> None:
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        urllib.request.urlopen(issuer.url, timeout=10)


def decode(issuer: Issuer, token: str) -> dict[str, Any]:
    key = jwt.PyJWK(issuer.key_document()["keys"][0])
    claims: dict[str, Any] = jwt.decode(token, key.key, ["RS256"], audience=issuer.audience, issuer=issuer.url)
    return claims


def test_a_good_token_verifies(issuer: Issuer) -> None:
    claims = decode(issuer, issuer.sign(issuer.claims("someone", ["mcp:read"])))
    assert (claims["sub"], claims["scope"]) == ("someone", "mcp:read")


def test_a_forged_token_does_not(issuer: Issuer) -> None:
    with pytest.raises((jwt.InvalidSignatureError, InvalidSignature)):
        decode(issuer, issuer.sign_as_stranger(issuer.claims("someone", [])))


def test_a_confused_token_is_one_that_a_confused_verifier_takes(issuer: Issuer) -> None:
    signed, _, signature = issuer.confused(issuer.claims("someone", [])).rpartition(".")
    expected = hmac.new(issuer.public_pem, signed.encode(), hashlib.sha256).digest()
    assert jwt.utils.base64url_decode(signature) == expected
    assert jwt.get_unverified_header(f"{signed}.{signature}")["alg"] == "HS256"


def test_an_unsigned_token_says_so(issuer: Issuer) -> None:
    token = issuer.unsigned(issuer.claims("someone", []))
    assert jwt.get_unverified_header(token)["alg"] == "none"
    assert token.endswith(".")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_tokens_have_the_shape_of_the_provider(provider: str) -> None:
    row = ROWS[provider]
    shape = TokenShape.from_row(row, row["scope_prefix"].format(public_url=AUDIENCE, audience="app"))
    issuer = Issuer("https://id.example.com", "app", shape)
    token = issuer.sign(issuer.claims("someone", ["mcp:read"], ["member"]))
    header = jwt.get_unverified_header(token)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert header.get("typ", "") == row["token_types"][0]
    assert claims[row["audience_claim"]] == "app"
    assert claims.items() >= row["required_claims"].items()
    assert not claims.keys() & set(row["forbidden_claims"])
    assert row["scope_claims"][0] in claims or not row["custom_scopes"]


def test_a_second_factor_is_in_a_token_only_when_asked_for() -> None:
    issuer = Issuer("https://id.example.com", "app", TokenShape(second_factor=("amr", "mfa")))
    assert issuer.claims("someone", [])["amr"] == ["mfa"]
    assert "amr" not in issuer.claims("someone", [], second_factor=False)


@pytest.mark.parametrize(
    "shape, told",
    [
        (TokenShape(), "mcp:read mcp:write"),
        (TokenShape(scope_claim="scp"), ["mcp:read", "mcp:write"]),
        (TokenShape(scope_claim="scp", scope_prefix="api://x/"), "mcp:read mcp:write"),
        (TokenShape(scope_prefix="res/"), "res/mcp:read res/mcp:write"),
    ],
)
def test_scopes_are_written_as_the_provider_does(shape: TokenShape, told: str | list[str]) -> None:
    assert shape.scopes([f"{shape.scope_prefix}mcp:read", "mcp:write"]) == told
