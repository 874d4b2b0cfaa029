"""A token that was verified is not verified again, and yet holds no longer than it would."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from datetime import datetime, tzinfo
from typing import Any, Self

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from issuer import Issuer, keys_of
from jwt.algorithms import OKPAlgorithm, get_default_algorithms
from notes_server.runtime.access.principal import LOCAL_USER
from notes_server.runtime.oauth.keys import IssuerKeys
from notes_server.runtime.oauth.provider import PROVIDER
from notes_server.runtime.oauth.token_cache import TokenCache, VerifiedToken
from notes_server.runtime.oauth.verifier import ALGORITHMS, LEEWAY_SECONDS, InvalidToken, TokenVerifier
from notes_server.runtime.settings import Settings

pytestmark = pytest.mark.anyio
MAX_AGE = 600
OLDEST = MAX_AGE + PROVIDER.iat_backdated_seconds
SECOND_FACTOR: dict[str, Any] = {}
if PROVIDER.second_factor:
    SECOND_FACTOR = {"auth_second_factor_max_age_seconds": MAX_AGE, "auth_second_factor_acr": ("gold", "platinum")}
needs_second_factor = pytest.mark.skipif(not SECOND_FACTOR, reason="this provider tells of none")
KEYS: dict[str, Any] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), rsa.generate_private_key(65537, 2048)),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "ES512": ec.generate_private_key(ec.SECP521R1()),
    **dict.fromkeys(("EdDSA", "Ed25519"), ed25519.Ed25519PrivateKey.generate()),
}


class Clock(datetime):
    """Tells PyJWT what `time.time` tells all others."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return cls.fromtimestamp(time.time(), tz)


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Stops the clock, and moves it by seconds."""
    monkeypatch.setattr("jwt.api_jwt.datetime", Clock)

    def pass_time(seconds: float) -> None:
        then = time.time() + seconds
        monkeypatch.setattr(time, "time", lambda: then)

    pass_time(0)
    return pass_time


@asynccontextmanager
async def verifying(issuer: Issuer) -> AsyncIterator[tuple[TokenVerifier, IssuerKeys]]:
    """A verifier of the issuer's tokens, and its keys."""
    settings = Settings(
        environment="development",
        auth_issuer=issuer.url,
        auth_max_token_age_seconds=MAX_AGE,
        **SECOND_FACTOR,
    )
    async with keys_of(issuer.url) as keys:
        yield TokenVerifier(settings, keys), keys


def claims_of(issuer: Issuer) -> dict[str, Any]:
    return issuer.claims(Settings(environment="development", auth_issuer=issuer.url).auth_audience[0], "mcp:read")


def token_of(issuer: Issuer, **changes: Any) -> str:
    return issuer.sign(claims_of(issuer) | changes)


@pytest.mark.parametrize(
    "aging",
    [{"exp": lambda now: now - LEEWAY_SECONDS + 9}, {"iat": lambda now: now - OLDEST - LEEWAY_SECONDS + 9}],
    ids=["expiry", "maximum age"],
)
async def test_a_verified_token_ends_in_time(
    issuer: Issuer, aging: dict[str, Callable[[float], float]], pass_time: Callable[[float], None]
) -> None:
    token = token_of(issuer, **{name: age(time.time()) for name, age in aging.items()})
    async with verifying(issuer) as (verifier, _):
        await verifier.verify(token)
        pass_time(8)
        await verifier.verify(token)
        pass_time(2)
        with pytest.raises(InvalidToken):
            await verifier.verify(token)


async def accepts(issuer: Issuer, token: str) -> bool:
    async with verifying(issuer) as (verifier, _):
        try:
            await verifier.verify(token)
        except InvalidToken:
            return False
    return True


@pytest.mark.usefixtures("pass_time")
@pytest.mark.parametrize("claim, direction", [("exp", -1), ("iat", 1), ("nbf", 1)])
async def test_clocks_may_differ_by_seconds_but_not_by_a_minute(issuer: Issuer, claim: str, direction: int) -> None:
    tokens = [token_of(issuer, **{claim: time.time() + direction * seconds}) for seconds in (10, 61)]
    assert [await accepts(issuer, token) for token in tokens] == [True, False]


async def test_a_token_of_another_type_is_refused(issuer: Issuer) -> None:
    assert not await accepts(issuer, issuer.sign(claims_of(issuer), typ="something+else"))


async def accepted_by(key_says: dict[str, str | None]) -> list[str]:
    """The algorithms that are accepted of tokens, each signed with the key whose `alg` is given for it, or has none."""
    algorithms = {**get_default_algorithms(), "Ed25519": OKPAlgorithm()}
    public = {name: algorithms[name].to_jwk(KEYS[name].public_key(), as_dict=True) for name in key_says}
    keys = [{**key, "kid": name, "alg": key_says[name]} for name, key in public.items()]
    with closing(Issuer(keys=keys)) as issuer:
        tokens = {name: issuer.sign(claims_of(issuer), key=KEYS[name], alg=name, kid=name) for name in key_says}
        return [name for name, token in tokens.items() if await accepts(issuer, token)]


async def test_every_usual_asymmetric_signature_is_accepted() -> None:
    known = [name for name in KEYS if name in ALGORITHMS]  # Under FedRAMP not Ed25519.
    assert await accepted_by(dict.fromkeys(KEYS)) == known
    assert await accepted_by({name: name for name in KEYS}) == known
    # One name is of RFC 9864.
    both = [name for name in ("EdDSA", "Ed25519") if name in ALGORITHMS]
    assert await accepted_by({"EdDSA": "Ed25519", "Ed25519": "EdDSA"}) == both


async def test_a_key_signs_by_the_algorithm_that_it_names() -> None:
    assert await accepted_by({"RS256": "PS256", "PS256": "RS256", "RS384": "RS256"}) == []


async def is_proven(verifier: TokenVerifier, token: str) -> bool:
    """Whether a second factor is."""
    principal: Any = await verifier.verify(token)
    return bool(principal.second_factor)


@needs_second_factor
async def test_a_second_factor_of_a_verified_token_ends_in_time(
    issuer: Issuer, pass_time: Callable[[float], None]
) -> None:
    assert PROVIDER.second_factor is not None
    proof = {PROVIDER.second_factor.claim: sorted(PROVIDER.second_factor.values)}
    token = token_of(issuer, **proof, auth_time=int(time.time()) - MAX_AGE - LEEWAY_SECONDS + 9)
    async with verifying(issuer) as (verifier, _):
        assert await is_proven(verifier, token)
        pass_time(7)
        assert await is_proven(verifier, token)
        pass_time(3)
        assert not await is_proven(verifier, token)


@needs_second_factor
@pytest.mark.parametrize(
    "acr, proves", [("platinum", True), ("silver", False), ("gold platinum", False), (["gold"], False)]
)
async def test_an_accepted_context_proves_a_second_factor(issuer: Issuer, acr: object, proves: bool) -> None:
    async with verifying(issuer) as (verifier, _):
        assert await is_proven(verifier, token_of(issuer, acr=acr)) == proves


async def test_a_verified_token_falls_with_its_key() -> None:
    with closing(Issuer()) as issuer:
        token = token_of(issuer)
        async with verifying(issuer) as (verifier, keys):
            await verifier.verify(token)
            issuer.rotate("second")
            await keys._try_fetch()
            with pytest.raises(InvalidToken):
                await verifier.verify(token)


async def test_a_token_is_verified_once(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    token = token_of(issuer)
    async with verifying(issuer) as (verifier, _):
        first = await verifier.verify(token)
        monkeypatch.delattr(jwt, "decode")
        assert await verifier.verify(token) == first
        with pytest.raises(AttributeError):
            await verifier.verify(token_of(issuer, jti="another"))


def test_few_tokens_are_kept() -> None:
    tokens = TokenCache(max_tokens=2)
    verified = VerifiedToken(LOCAL_USER, None, jwt.PyJWK({"kty": "oct", "k": "AAAA"}, "HS256"), time.time() + 60)
    for token in ("first", "second", "third"):
        tokens.keep(token, verified)
    assert [tokens.find(token) is not None for token in ("first", "second", "third")] == [False, True, True]
