# Managed by the template; updates merge into this file.
"""The issuer's public keys: discovered, cached, refreshed, and fetched with care."""

import logging
import random
import time
from collections import Counter
from logging import DEBUG, WARNING
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx2
from jwt import PyJWK
from jwt.exceptions import PyJWTError
from pydantic_core import from_json

from .provider import PROVIDER

logger = logging.getLogger(__name__)

REFRESH_SECONDS = 30.0
"""So that an issuer that is gone shows within a minute."""
RETRY_SECONDS = 10.0
UNKNOWN_KEY_PAUSE_SECONDS = 30.0
FETCH_SECONDS = 5.0
"""For one document."""
WAIT_SECONDS = 6.0
MAX_WAITING = 100
"""So many requests may wait for the answer to one question; each holds a connection of the server's."""
MAX_DOCUMENT_BYTES = 512 * 1024
MAX_KEYS = 100
MIN_RSA_BITS = 2048


class KeysUnavailable(Exception):
    """The issuer's metadata or key set cannot be used; the message says why."""


class IssuerKeys:
    """Signing keys of one issuer by their id. Keys once known survive an outage of the issuer."""

    def __init__(self, issuer: str, jwks_url: str | None, client: httpx2.AsyncClient) -> None:
        self._issuer = issuer
        self._jwks_url = jwks_url
        self._client = client
        self._keys: dict[str | None, PyJWK] = {}
        self._trouble = "not asked yet"
        self._fetched_at = 0.0
        self.fetches = Counter(ok=0, failed=0)
        self._said = ""
        self._asked_at = float("-inf")
        self._question, self._answer = anyio.Event(), anyio.Event()
        self._is_asking = False
        self._waiting = 0
        self._announces_pkce = PROVIDER.announces_pkce

    @property
    def known(self) -> bool:
        """Whether tokens can be verified."""
        return bool(self._keys)

    @property
    def is_current(self) -> bool:
        """Whether the issuer's last answer could be used, so that a key that is not among these is none of its own."""
        return not self._trouble

    def age(self) -> float | None:
        """Seconds since keys were fetched last, if they were."""
        return time.monotonic() - self._fetched_at if self._fetched_at else None

    def trouble(self) -> str:
        """A word for why no token can be verified; empty while keys are known."""
        return "" if self.known else self._trouble

    async def find(self, key_id: str | None) -> PyJWK | None:
        """The key of that id; an unknown id causes at most one fetch in a while, whoever sends how many.

        Raises:
            KeysUnavailable: too many wait for that fetch already.
        """
        if key_id not in self._keys and self._may_ask():
            await self._wait()
        if key_id is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(key_id)

    async def keep_fresh(self) -> None:
        """Fetch now and then again, with jitter; soon again after a failure, and when somebody asks for an unknown key."""
        while True:
            self._asked_at, self._is_asking, self._question = time.monotonic(), True, anyio.Event()
            await self._try_fetch()
            self._is_asking = False
            self._answer.set()
            self._answer = anyio.Event()
            pause = RETRY_SECONDS if self._trouble else REFRESH_SECONDS
            with anyio.move_on_after(pause * random.uniform(0.8, 1.2)):  # noqa: S311 - jitter, not a secret
                await self._question.wait()

    def _may_ask(self) -> bool:
        return self._is_asking or time.monotonic() - self._asked_at > UNKNOWN_KEY_PAUSE_SECONDS

    async def _wait(self) -> None:
        """Wait with all others for one answer; who goes away meanwhile ends nobody else's question."""
        if self._waiting >= MAX_WAITING:
            raise KeysUnavailable("too many requests wait for the issuer's keys")
        self._waiting += 1
        if not self._is_asking:
            self._question.set()
        try:
            with anyio.move_on_after(WAIT_SECONDS):
                await self._answer.wait()
        finally:
            self._waiting -= 1

    async def _try_fetch(self) -> None:
        try:
            url = self._jwks_url or await self._discover()
            self._keys = read_keys(await self._fetch(url))
        except Exception as error:  # no document of the issuer's may end the refreshing
            self.fetches["failed"] += 1
            self._trouble = _trouble_of(error)
            said = f"{type(error).__name__}: {error}"
            logger.log(DEBUG if said == self._said else WARNING, "keys of %s not refreshed: %s", self._issuer, said)
            self._said = said
        else:
            self.fetches["ok"] += 1
            self._fetched_at = time.monotonic()
            if self._said:
                logger.warning("keys of %s are refreshed again", self._issuer)
            self._trouble = self._said = ""

    async def _discover(self) -> str:
        problems: list[str] = []
        cause: Exception | None = None
        for url in metadata_urls(self._issuer):
            try:
                metadata = await self._fetch(url)
            except (KeysUnavailable, httpx2.HTTPError, TimeoutError, ValueError) as error:
                known = isinstance(error, KeysUnavailable)  # its message names the address
                problems.append(str(error) if known else f"{url}: {str(error) or type(error).__name__}")
                cause = cause if known else error
                continue
            self._check_metadata(metadata)
            return str(metadata["jwks_uri"])
        raise KeysUnavailable("; ".join(problems)) from cause

    def _check_metadata(self, metadata: dict[str, Any]) -> None:
        if metadata.get("issuer") != self._issuer:
            raise KeysUnavailable(f"the metadata names another issuer: {metadata.get('issuer')!r}")
        jwks_uri = metadata.get("jwks_uri")
        if not isinstance(jwks_uri, str) or urlsplit(jwks_uri).scheme != urlsplit(self._issuer).scheme:
            raise KeysUnavailable("the metadata has no usable jwks_uri")
        if self._announces_pkce and "S256" not in (metadata.get("code_challenge_methods_supported") or ()):
            self._announces_pkce = False  # Told once, and not at each refresh.
            logger.warning("%s does not announce PKCE with S256: some clients refuse it (RFC 8414)", self._issuer)

    async def _fetch(self, url: str) -> dict[str, Any]:
        """A JSON object from the issuer: no redirects, bounded in size and time."""
        with anyio.fail_after(FETCH_SECONDS):
            async with self._client.stream("GET", url, headers={"accept": "application/json"}) as response:
                if response.status_code != 200:
                    raise KeysUnavailable(f"{url} answered {response.status_code}")
                body = bytearray()
                async for part in response.aiter_bytes():
                    body += part
                    if len(body) > MAX_DOCUMENT_BYTES:
                        raise KeysUnavailable(f"{url} is larger than {MAX_DOCUMENT_BYTES} bytes")
        try:
            document = from_json(bytes(body))
        except ValueError as error:
            media_type = response.headers.get("content-type", "no media type")
            raise KeysUnavailable(f"{url} is not JSON ({media_type}): {error}") from error
        if not isinstance(document, dict):
            raise KeysUnavailable(f"{url} is not a JSON object")
        return document


def metadata_urls(issuer: str) -> tuple[str, ...]:
    """Where an issuer's metadata may be: OpenID Connect appends, RFC 8414 section 3.1 inserts."""
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    origin = f"{parts.scheme}://{parts.netloc}"
    return (
        f"{origin}{path}/.well-known/openid-configuration",
        f"{origin}/.well-known/oauth-authorization-server{path}",
    )


def read_keys(document: dict[str, Any]) -> dict[str | None, PyJWK]:
    """The usable signature keys of a JWK set (RFC 7517): asymmetric, strong enough, meant for signatures.

    Raises:
        KeysUnavailable: there are none.
    """
    entries = document.get("keys")
    keys: dict[str | None, PyJWK] = {}
    for entry in entries[:MAX_KEYS] if isinstance(entries, list) else ():
        key = _read_key(entry)
        if key is not None and isinstance(entry.get("kid"), str | None):
            keys[entry.get("kid")] = key
    if not keys:
        raise KeysUnavailable("the key set holds no usable key")
    return keys


def _read_key(entry: object) -> PyJWK | None:
    """A key by the members of RFC 7517 section 4; what is unknown, private, or for other purposes is left out."""
    if not isinstance(entry, dict) or entry.get("kty") not in ("RSA", "EC", "OKP") or "d" in entry:
        return None
    operations = entry.get("key_ops") or ["verify"]
    if (entry.get("use") or "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        return None
    try:
        # RFC 9864 names the curve where RFC 8037 did not; the library knows the older name.
        key = PyJWK(entry, "EdDSA" if entry.get("alg") == "Ed25519" else None)
    except (PyJWTError, ValueError, TypeError):
        return None
    return None if entry["kty"] == "RSA" and key.key.key_size < MIN_RSA_BITS else key


def _trouble_of(error: Exception) -> str:
    match error.__cause__ or error:
        case TimeoutError() | httpx2.TimeoutException():
            return "timeout"
        case httpx2.TransportError():
            return "unreachable"
    return "unusable answer"
