# Managed by the template; updates merge into this file.
"""How many streams of `subscriptions/listen` may be open: of one principal, and of all."""

from collections import Counter

from starlette.types import ASGIApp, Receive, Scope, Send

from ..principal import current_principal
from ..refused import Refused

RETRY = {"retry-after": "60"}


class SubscriptionLimits:
    """Counts the streams that are open in this process."""

    def __init__(self, app: ASGIApp, max_streams: int, max_streams_per_principal: int) -> None:
        self._app = app
        self._max = max_streams
        self._max_per_principal = max_streams_per_principal
        self._open: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["message"].get("method") != "subscriptions/listen":
            await self._app(scope, receive, send)
            return
        key = current_principal().key
        if self._open[key] >= self._max_per_principal:
            raise Refused(429, "subscription_limit", "Too many open subscriptions: close one.", headers=RETRY)
        if self._open.total() >= self._max:
            raise Refused(503, "busy_subscriptions", "Too many open subscriptions: try again.", headers=RETRY)
        self._open[key] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._open[key] -= 1
            self._open += Counter()  # forgets who has none left
