# Managed by the template; updates merge into this file.
"""Tokens that were verified before: a client sends the same one with every call."""

import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass

import jwt

from ..access.principal import Principal

MAX_TOKENS = 5_000


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """Whose token it is, the key that signed it, and until when it holds; the key must still be the issuer's then."""

    principal: Principal
    key_id: str | None
    key: jwt.PyJWK
    last_moment: float
    """In seconds since the epoch."""


class TokenCache:
    """By the hash of the token, so that none is kept; the one that was found longest ago makes room."""

    def __init__(self, max_tokens: int = MAX_TOKENS) -> None:
        self._max_tokens = max_tokens
        self._by_hash: OrderedDict[bytes, VerifiedToken] = OrderedDict()

    def find(self, token: str) -> VerifiedToken | None:
        """What is known of a token, unless its time is over."""
        name = _hash(token)
        known = self._by_hash.get(name)
        if known is None or time.time() >= known.last_moment:
            return None
        self._by_hash.move_to_end(name)
        return known

    def keep(self, token: str, verified: VerifiedToken) -> None:
        """Remember a token that was just verified."""
        self._by_hash[_hash(token)] = verified
        if len(self._by_hash) > self._max_tokens:
            self._by_hash.popitem(last=False)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
