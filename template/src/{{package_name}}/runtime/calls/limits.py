# Managed by the template; updates merge into this file.
"""How often one principal, through one client, may call one tool, and how long a call may take."""

import math
import time
from collections.abc import Mapping
from typing import Any

import anyio
from limits import RateLimitItem, parse
from limits.aio.storage import Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

from ..access.principal import current_principal
from .errors import CallRefused

LIMITED_METHODS = ("tools/call", "resources/read", "prompts/get", "completion/complete", "subscriptions/listen")
Context = ServerRequestContext[Any, Any]


class RateLimit:
    """Counts calls in a storage, which replicas may share; surrounds them over stdio, where no guard asks before."""

    def __init__(self, limit: str, storage: Storage, tools: frozenset[str]) -> None:
        self._item: RateLimitItem = parse(limit)
        self._limiter = SlidingWindowCounterRateLimiter(storage)
        self._tools = tools

    async def seconds_to_wait(self, method: str, params: Mapping[str, Any]) -> int:
        """Count a call; 0 when it is within the limit, else the whole seconds until the next would be."""
        if method not in LIMITED_METHODS:
            return 0
        principal, name = current_principal(), params.get("name")
        # Registered tools by name, all else by method: a client cannot add keys.
        target = name if method == "tools/call" and isinstance(name, str) and name in self._tools else method
        keys = (principal.key, principal.client_id, target)
        if await self._limiter.hit(self._item, *keys):
            return 0
        window = await self._limiter.get_window_stats(self._item, *keys)
        return max(1, math.ceil(window.reset_time - time.time()))

    async def __call__(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        if wait := await self.seconds_to_wait(ctx.method, ctx.params or {}):
            raise CallRefused("rate_limit", 429, f"Too many calls: wait {wait} seconds.")
        return await call_next(ctx)


class Deadline:
    """Cancels a call after a number of seconds; a subscription is a stream and has its own bound."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def __call__(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        seconds = math.inf if ctx.method == "subscriptions/listen" else self._seconds
        with anyio.move_on_after(seconds):
            return await call_next(ctx)
        raise CallRefused("deadline", 504, f"No answer within {self._seconds:g} seconds; the call was cancelled.")
