# Managed by the template; updates merge into this file.
"""How many streams of `subscriptions/listen` may be open: of one principal, and of all."""

from starlette.types import ASGIApp, Receive, Scope, Send

from ...access.principal import current_principal
from ..asgi_scope import known
from .shares import Shares


class SubscriptionLimits:
    """Counts the streams that are open in this process."""

    def __init__(self, app: ASGIApp, max_streams: int, max_streams_per_principal: int) -> None:
        self._app = app
        self._open = Shares("subscriptions", max_streams, max_streams_per_principal, retry_seconds=60)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if known(scope)["message"].get("method") != "subscriptions/listen":
            await self._app(scope, receive, send)
            return
        with self._open.share_of(current_principal().key) as share:
            share.take(1)
            await self._app(scope, receive, send)
