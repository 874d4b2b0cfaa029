# Managed by the template; updates merge into this file.
"""A server without authentication: everyone is the same anonymous caller."""

from starlette.types import ASGIApp, Receive, Scope, Send

from ...access.principal import ANONYMOUS, acting_as
from ..asgi_scope import known


class Anonymity:
    """Lets everyone act as the anonymous principal."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        known(scope)["principal"] = ANONYMOUS
        with acting_as(ANONYMOUS):
            await self._app(scope, receive, send)
