"""The keys of an issuer: which are taken, when they are fetched, and what their fetching holds up."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from issuer import Issuer, keys_of
from jwt.algorithms import RSAAlgorithm
from notes_server.runtime.oauth.keys import MAX_DOCUMENT_BYTES, MAX_KEYS, read_keys
from notes_server.runtime.oauth.provider import PROVIDER
from process import until

pytestmark = pytest.mark.anyio
Claims = dict[str, Any]
WITHOUT_PKCE: Claims = {"code_challenge_methods_supported": []}


def public_key(bits: int) -> Claims:
    return RSAAlgorithm.to_jwk(generate_private_key(65537, bits).public_key(), as_dict=True)


async def test_known_keys_survive_an_outage(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr("notes_server.runtime.oauth.keys.UNKNOWN_KEY_PAUSE_SECONDS", 0)
    issuer = Issuer()
    async with keys_of(issuer.url) as keys:
        known = await keys.find("first")
        issuer.close()
        assert await keys.find("forged") is None
        assert await keys.find("first") is known is not None
    assert all(said in caplog.text for said in ("not refreshed", "openid-configuration", "oauth-authorization-server"))


@pytest.mark.parametrize(
    "pause, documents",
    [("REFRESH_SECONDS", {}), ("RETRY_SECONDS", {"keys": []}), ("REFRESH_SECONDS", WITHOUT_PKCE)],
    ids=["good", "without keys", "without PKCE"],
)
async def test_keys_are_fetched_again_and_again_and_metadata_without_pkce_is_told_of_once(
    pause: str, documents: Claims, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(f"notes_server.runtime.oauth.keys.{pause}", 0.01)
    with closing(Issuer(**documents)) as issuer:
        async with keys_of(issuer.url):
            await until(lambda: issuer.fetches >= 3)
    told = PROVIDER.announces_pkce and documents is WITHOUT_PKCE
    assert caplog.text.count("does not announce PKCE") == told


@pytest.mark.parametrize(
    "changes, usable",
    [
        ({}, True),
        ({"code_challenge_methods_supported": None}, True),
        ({"issuer": "https://id.example.com"}, False),
        ({"jwks_uri": "https://id.example.com/jwks"}, False),
        ({"padding": "x" * MAX_DOCUMENT_BYTES}, False),
    ],
    ids=["good", "without PKCE", "of another issuer", "with keys by another scheme", "too large"],
)
async def test_documents_of_the_issuer_are_its_own_and_bounded(changes: Claims, usable: bool) -> None:
    with closing(Issuer(**changes)) as issuer:
        assert await finds_keys(issuer.url) == usable


async def finds_keys(issuer: str) -> bool:
    async with keys_of(issuer) as keys:
        await keys.find("first")
    return keys.known


async def test_who_goes_away_ends_nobody_elses_question(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notes_server.runtime.oauth.keys.UNKNOWN_KEY_PAUSE_SECONDS", 0)
    with closing(Issuer()) as issuer:
        async with keys_of(issuer.url) as keys:
            assert await keys.find("first")
            issuer.rotate("second")
            gone, waiting = (asyncio.create_task(keys.find(key_id)) for key_id in ("forged", "second"))
            await asyncio.sleep(0)
            gone.cancel()
            assert await waiting


@pytest.mark.parametrize(
    "odd",
    [
        {"kty": "OKP", "crv": "X25519", "x": "AA"},
        {"kty": "RSA", "n": "!", "e": "AQAB"},
        {"kty": "RSA", "alg": ["RS256"], "n": "AA", "e": "AQAB"},
        {"kty": "oct", "k": "AA"},
        {"kid": ["a"], "kty": "EC"},
        {**public_key(1024), "kid": "weak"},
        {**public_key(2048), "kid": "to encrypt", "use": "enc"},
        {**public_key(2048), "kid": "to encrypt", "alg": "RSA-OAEP"},
        {**public_key(2048), "kid": "to wrap", "key_ops": ["wrapKey"]},
        {**public_key(2048), "kid": "odd", "key_ops": "verify"},
        {**public_key(2048), "kid": "private", "d": "AQAB"},
        {"kty": "AKP", "alg": "ML-DSA-65", "kid": "of later times", "pub": "AA"},
        "key",
        None,
    ],
    ids=lambda odd: str(odd)[:30],
)
def test_a_key_that_cannot_be_used_does_not_spoil_the_others(odd: Any) -> None:
    assert list(read_keys({"keys": [odd, {**public_key(2048), "kid": "good"}]})) == ["good"]


@pytest.mark.parametrize("also", [{"use": None, "alg": None}, {"key_ops": ["verify"]}, {"x5c": [], "alg": "PS256"}])
def test_a_key_may_say_less_or_more(also: Claims) -> None:
    assert list(read_keys({"keys": [{**public_key(2048), "kid": "good", **also}]})) == ["good"]


def test_keys_of_the_issuer_are_bounded_in_number() -> None:
    key = public_key(2048)
    assert len(read_keys({"keys": [{**key, "kid": str(number)} for number in range(MAX_KEYS + 1)]})) == MAX_KEYS


def test_a_redirect_of_the_issuer_is_not_followed(start: Any, issuer: Issuer) -> None:
    with closing(Issuer(keys_elsewhere=f"{issuer.url}/jwks")) as redirecting:
        server, _ = start(auth_issuer=redirecting.url, wait_for="/livez")
        fetches = issuer.fetches
        token = issuer.sign(issuer.claims(f"{server.url}/mcp", "mcp:read") | {"iss": redirecting.url})
        assert server.call("read_item", token=token).status_code == 503
    assert issuer.fetches == fetches
