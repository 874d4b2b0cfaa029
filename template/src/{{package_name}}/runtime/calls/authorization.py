# Managed by the template; updates merge into this file.
"""The policy, next to what it guards: whatever reaches a tool passed here, over any transport."""

from mcp.server.context import CallNext, HandlerResult
from mcp_types import INVALID_PARAMS

from ..access.policy import Denied, Policy
from ..access.principal import current_principal
from .errors import CallRefused
from .limits import Context


class Authorization:
    """Refuses what no rule allows, and what the caller's scopes do not cover."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    async def __call__(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        try:
            required = self._policy.required_scopes(ctx.method, ctx.params or {})
        except Denied as denied:
            uri = (ctx.params or {}).get("uri")
            raise CallRefused("no_rule", INVALID_PARAMS, str(denied), {"uri": uri} if uri else None) from denied
        if missing := self._policy.missing_scopes(current_principal(), required):
            raise CallRefused("insufficient_scope", 403, f"Missing scopes: {' '.join(sorted(missing))}")
        return await call_next(ctx)
