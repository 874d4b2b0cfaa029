# Managed by the template; updates merge into this file.
"""Verification of JWT access tokens (RFC 9068, RFC 8725), by the rules of the provider's row."""

import logging
import time
from collections.abc import Mapping
from typing import Any

import jwt

from ..principal import Principal
from ..settings import Settings
from .keys import IssuerKeys, KeysUnavailable
from .provider import PROVIDER
from .verified import Verified, VerifiedTokens

logger = logging.getLogger(__name__)

ALGORITHMS = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), "RSA"),
    **dict.fromkeys(("ES256", "ES384", "ES512"), "EC"),
    "EdDSA": "OKP",
}
"""Accepted by name, with the kind of key that each needs; HMAC and none are not here."""
LEEWAY_SECONDS = 30
MAX_TOKEN_CHARACTERS = 16_384


class InvalidToken(Exception):
    """The token is not accepted; the message is for the log and the audit, not for the client."""


class TokenVerifier:
    """Turns an access token into a principal."""

    def __init__(self, settings: Settings, keys: IssuerKeys) -> None:
        self._settings = settings
        self._keys = keys
        self._verified = VerifiedTokens()

    async def verify(self, token: str) -> Principal:
        """Check signature, kind, issuer, audience and times of a token, or find that they were checked and still hold.

        Raises:
            InvalidToken: any of them is wrong.
            KeysUnavailable: nothing can be told of any token now.
        """
        known = self._verified.find(token)
        if known and await self._keys.find(known.key_id) is known.key:
            return known.principal
        header = _read_header(token)
        key = await self._keys.find(header.get("kid"))
        if not self._keys.known:
            raise KeysUnavailable("no key of the issuer is known yet")
        if key is None:
            raise InvalidToken("signed with an unknown key")
        algorithm = header["alg"]
        if key.key_type != ALGORITHMS[algorithm] or key.algorithm_name not in (algorithm, *_variants(key)):
            raise InvalidToken("the algorithm does not fit the key")
        claims = self._decode(token, key, algorithm)
        self._check_kind(claims)
        principal = self._principal(claims)
        self._verified.keep(token, Verified(principal, header.get("kid"), key, self._last_moment(claims, principal)))
        return principal

    def _last_moment(self, claims: Mapping[str, Any], principal: Principal) -> float:
        """Until when nothing that was found of a token changes by the passing of time."""
        ends: list[float] = [int(claims["exp"]), claims["iat"] + self._settings.auth_max_token_age_seconds]
        if principal.second_factor and (max_age := self._settings.auth_second_factor_max_age_seconds):
            ends.append(claims["auth_time"] + max_age)
        return min(ends) + LEEWAY_SECONDS

    def _decode(self, token: str, key: jwt.PyJWK, algorithm: str) -> dict[str, Any]:
        uses_aud = PROVIDER.audience_claim == "aud"
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=[algorithm],
                issuer=self._settings.auth_issuer,
                audience=self._settings.auth_audience if uses_aud else None,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iat", "iss", "sub", PROVIDER.audience_claim], "verify_aud": uses_aud},
            )
        except jwt.PyJWTError as error:
            raise InvalidToken(f"{type(error).__name__}: {error}") from error
        if not uses_aud and claims[PROVIDER.audience_claim] not in self._settings.auth_audience:
            raise InvalidToken(f"{PROVIDER.audience_claim} is not one that this server is for")
        if not uses_aud and "aud" in claims and self._settings.public_url not in _texts(claims["aud"]):
            raise InvalidToken("aud is another resource")
        if not isinstance(claims["iat"], int | float):
            raise InvalidToken("iat is not a number")
        if time.time() - claims["iat"] > self._settings.auth_max_token_age_seconds + LEEWAY_SECONDS:
            raise InvalidToken("issued too long ago")
        return claims

    def _check_kind(self, claims: Mapping[str, Any]) -> None:
        """An ID token must not pass for an access token (RFC 9068 section 4)."""
        for claim, value in PROVIDER.required_claims.items():
            if claims.get(claim) != value:
                raise InvalidToken(f"not an access token: {claim} is not {value!r}")
        if marks := PROVIDER.forbidden_claims & claims.keys():
            raise InvalidToken(f"not an access token: it carries {', '.join(sorted(marks))}")

    def _principal(self, claims: Mapping[str, Any]) -> Principal:
        subject, client = _first(claims, PROVIDER.subject_claims), _first(claims, PROVIDER.client_claims)
        if not subject or not client:
            raise InvalidToken("it names no subject or no client")
        return Principal(
            issuer=str(claims["iss"]),
            subject=str(subject),
            client_id=str(client),
            scopes=self._scopes(claims),
            roles=frozenset(role for path in PROVIDER.role_claims for role in _texts(_at(claims, path))),
            second_factor=self._proves_second_factor(claims),
            expires_at=min(float(claims["exp"]), claims["iat"] + self._settings.auth_max_token_age_seconds),
        )

    def _scopes(self, claims: Mapping[str, Any]) -> frozenset[str]:
        prefix = self._settings.auth_scope_prefix
        return frozenset(scope.removeprefix(prefix) for scope in _texts(_first(claims, PROVIDER.scope_claims)))

    def _proves_second_factor(self, claims: Mapping[str, Any]) -> bool:
        proof = PROVIDER.second_factor
        if proof is None or not proof.values.intersection(_texts(claims.get(proof.claim))):
            return False
        max_age = self._settings.auth_second_factor_max_age_seconds
        if not max_age:
            return True
        authenticated_at = claims.get("auth_time")
        return isinstance(authenticated_at, int) and time.time() - authenticated_at <= max_age + LEEWAY_SECONDS


def _read_header(token: str) -> dict[str, Any]:
    if token.count(".") != 2:
        logger.warning("an opaque token was sent: %s", PROVIDER.jwt_setting)
        raise InvalidToken("not a JWT")
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise InvalidToken("too long")
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError as error:
        raise InvalidToken(str(error)) from error
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise InvalidToken("the algorithm is not accepted")
    if str(header.get("typ", "")).lower() not in PROVIDER.token_types:
        raise InvalidToken("the type is not accepted")
    if "crit" in header:
        raise InvalidToken("critical extensions are not supported")
    if not isinstance(header.get("kid"), str | None):
        raise InvalidToken("malformed key id")
    return header


def _variants(key: jwt.PyJWK) -> tuple[str, ...]:
    """An RSA key that names no algorithm serves every RSA one."""
    return () if key._jwk_data.get("alg") else tuple(name for name, kind in ALGORITHMS.items() if kind == key.key_type)


def _first(claims: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((claims[name] for name in names if name in claims), None)


def _at(claims: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = claims
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _texts(value: Any) -> list[str]:
    """A claim that is a list of texts, or texts in one string with spaces between."""
    if isinstance(value, str):
        return value.split()
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
