# Managed by the template; updates merge into this file.
"""Who is calling, from the headers alone: no byte of an unauthenticated body is read."""

from collections.abc import Iterable
from functools import lru_cache

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from starlette.types import ASGIApp, Receive, Scope, Send

from ...access.principal import Principal, acting_as
from ...oauth.challenge import Challenges
from ...oauth.keys import KeysUnavailable
from ...oauth.verifier import ExpiredToken, InvalidToken, TokenVerifier
from ..asgi_scope import known
from ..errors import RequestRefused
from ..headers import single_headers


class Authentication:
    """Turns the bearer token into the principal of everything further in."""

    def __init__(self, app: ASGIApp, verifier: TokenVerifier, challenges: Challenges) -> None:
        self._app = app
        self._verifier = verifier
        self._challenges = challenges

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        principal = await self._authenticate(scope)
        known(scope)["principal"] = principal
        known(scope)["user"] = _session_owner(principal)
        scope["headers"] = _without_token(scope["headers"])
        with acting_as(principal):
            await self._app(scope, receive, send)

    async def _authenticate(self, scope: Scope) -> Principal:
        header = single_headers(scope, b"authorization").get("authorization")
        if header is None:
            raise self._challenges.missing_token()
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            raise self._challenges.missing_token()
        try:
            return await self._verifier.verify(token.strip())
        except ExpiredToken as error:
            raise self._challenges.expired_token(str(error)) from error
        except InvalidToken as error:
            raise self._challenges.invalid_token(str(error)) from error
        except KeysUnavailable as error:
            raise RequestRefused(
                503, "no_keys", "Tokens cannot be verified now.", headers={"retry-after": "5"}
            ) from error


@lru_cache(maxsize=200)
def _session_owner(principal: Principal) -> AuthenticatedUser:
    """Whom the SDK binds a session to: it answers 404 to anyone else who presents the session's id."""
    claims = {"iss": principal.issuer}
    return AuthenticatedUser(
        AccessToken(token="", client_id=principal.client_id, scopes=[], subject=principal.subject, claims=claims)
    )


def _without_token(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers without credentials, so that no tool can pass them through."""
    return [header for header in headers if header[0] != b"authorization"]
