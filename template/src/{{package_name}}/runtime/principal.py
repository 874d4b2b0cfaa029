# Managed by the template; updates merge into this file.
"""On whose behalf the current call runs."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller. It never holds the token, so that no tool can pass it on."""

    issuer: str
    subject: str
    client_id: str
    scopes: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    second_factor: bool = False
    """The token proves a second factor (RFC 9470), by the claim that its provider has for it."""
    unrestricted: bool = False
    """Holds every scope: the local user over stdio, and anyone on a server without authentication."""

    @property
    def key(self) -> str:
        """A stable name for this person's data and limits: a subject is unique within its issuer only."""
        return json.dumps([self.issuer, self.subject])


LOCAL_USER = Principal(issuer="local", subject="local", client_id="stdio", unrestricted=True)
ANONYMOUS = Principal(issuer="none", subject="anonymous", client_id="anonymous", unrestricted=True)

_current: ContextVar[Principal] = ContextVar("principal")


def current_principal() -> Principal:
    """The caller of the running tool, resource or prompt.

    Raises:
        LookupError: outside a call.
    """
    return _current.get()


@contextmanager
def acting_as(principal: Principal) -> Iterator[None]:
    """Make `principal` the caller of everything that runs inside the block."""
    token = _current.set(principal)
    try:
        yield
    finally:
        _current.reset(token)
