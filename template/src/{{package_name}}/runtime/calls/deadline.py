# Managed by the template; updates merge into this file.
"""No call lasts forever; a subscription is a stream and has its own bound."""

from typing import Any

import anyio
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

from ..errors import CallRefused


class Deadline:
    """Cancels a call after a number of seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        if ctx.method == "subscriptions/listen":
            return await call_next(ctx)
        with anyio.move_on_after(self._seconds):
            return await call_next(ctx)
        raise CallRefused("deadline", 504, f"No answer within {self._seconds:g} seconds; the call was cancelled.")
