# Managed by the template; updates merge into this file.
"""The limit of a principal's calls, answered with 429, and the bound on calls in flight, answered with 503."""

import asyncio
from typing import Any

from limits.errors import StorageError
from starlette.types import ASGIApp, Receive, Scope, Send

from ...calls.limits import RateLimit
from ..asgi_scope import known
from ..errors import RequestRefused

COUNT_SECONDS = 5.0
"""How long a call waits to be counted; one that cannot be is refused, as nobody knows whether it is within its limit."""


class CallLimits:
    """Counts a call before it starts; streams of subscriptions have their own bound."""

    def __init__(self, app: ASGIApp, rate_limit: RateLimit, max_concurrent: int) -> None:
        self._app = app
        self._rate_limit = rate_limit
        self._free = max_concurrent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = known(scope)["message"]
        method, params = str(message.get("method")), message.get("params")
        if wait := await self._count(method, params if isinstance(params, dict) else {}):
            raise _later(429, "rate_limit", f"Too many calls: wait {wait} seconds.", wait)
        if method == "subscriptions/listen":
            await self._app(scope, receive, send)
            return
        if not self._free:
            raise _later(503, "busy", "Too many calls in flight: try again.", 1)
        self._free -= 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._free += 1

    async def _count(self, method: str, params: dict[str, Any]) -> int:
        try:
            async with asyncio.timeout(COUNT_SECONDS):
                return await self._rate_limit.seconds_to_wait(method, params)
        except (StorageError, TimeoutError):
            raise _later(503, "no_shared_state", "Calls cannot be counted now.", 5) from None


def _later(status: int, reason: str, message: str, seconds: int) -> RequestRefused:
    return RequestRefused(status, reason, message, headers={"retry-after": str(seconds)})
