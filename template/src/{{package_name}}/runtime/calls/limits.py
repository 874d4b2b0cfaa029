# Managed by the template; updates merge into this file.
"""How often one principal, through one client, may call one tool."""

import math
import time
from typing import Any

from limits import RateLimitItem, parse
from limits.aio.storage import Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError

from ..principal import Principal, current_principal


class RateLimit:
    """Counts calls in a storage, which replicas may share."""

    def __init__(self, limit: str, storage: Storage) -> None:
        self._item: RateLimitItem = parse(limit)
        self._limiter = SlidingWindowCounterRateLimiter(storage)

    async def seconds_to_wait(self, principal: Principal, target: str) -> int:
        """Count a call; 0 when it is within the limit, else the whole seconds until the next would be."""
        keys = (principal.key, principal.client_id, target)
        if await self._limiter.hit(self._item, *keys):
            return 0
        window = await self._limiter.get_window_stats(self._item, *keys)
        return max(1, math.ceil(window.reset_time - time.time()))


class Limits:
    """The limit as a call's middleware, for stdio; over HTTP a guard answers 429 before the call."""

    def __init__(self, rate_limit: RateLimit) -> None:
        self._rate_limit = rate_limit

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        if ctx.method in LIMITED_METHODS:
            target = target_of(ctx.method, dict(ctx.params or {}))
            if wait := await self._rate_limit.seconds_to_wait(current_principal(), target):
                raise MCPError(429, f"Too many calls: wait {wait} seconds.")
        return await call_next(ctx)


LIMITED_METHODS = frozenset({"tools/call", "resources/read", "prompts/get", "completion/complete"})


def target_of(method: str, params: dict[str, Any]) -> str:
    """What a limit counts: each tool by itself, everything else by its method, so that clients cannot add keys."""
    return f"{method} {params.get('name')}" if method == "tools/call" else method
