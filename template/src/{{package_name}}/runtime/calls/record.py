# Managed by the template; updates merge into this file.
"""One audit event and one measurement for each call, whatever becomes of it."""

import time
from collections.abc import Mapping
from typing import Any

import anyio
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError
from pydantic_core import to_json

from ..audit import AuditTrail
from ..logs import current_reference, start_reference
from ..metrics import observe_operation
from ..policy import Features
from ..principal import current_principal

CALLS = frozenset({"tools/call", "resources/read", "prompts/get", "completion/complete", "subscriptions/listen"})


class Record:
    """Names the request, times it, and writes what happened."""

    def __init__(self, audit: AuditTrail, features: Features) -> None:
        self._audit = audit
        self._known = features.tools | features.prompts | features.resources

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        if ctx.request_id is None:
            return await call_next(ctx)
        if not current_reference():
            start_reference()
        started = time.perf_counter()
        outcome: str | None = "crashed"
        result: HandlerResult = None
        try:
            result = await call_next(ctx)
            outcome = "tool_error" if isinstance(result, Mapping) and result.get("isError") else None
            return result
        except MCPError as error:
            outcome = str(error.error.code)
            raise
        except ValidationError:
            outcome = "invalid_params"
            raise
        except anyio.get_cancelled_exc_class():
            outcome = "cancelled"
            raise
        finally:
            self._write(ctx, outcome, time.perf_counter() - started, result)

    def _write(
        self, ctx: ServerRequestContext[Any, Any], outcome: str | None, seconds: float, result: HandlerResult
    ) -> None:
        params = ctx.params or {}
        target = params.get("name") or params.get("uri")
        observe_operation(seconds, ctx.method, target if target in self._known else None, outcome)
        if ctx.method in CALLS:
            self._audit.record(
                "call",
                current_principal(),
                method=ctx.method,
                target=target,
                arguments=params.get("arguments"),
                decision="allowed" if outcome is None else "failed",
                reason=outcome,
                duration_ms=round(seconds * 1000, 2),
                result_bytes=len(to_json(result)) if result is not None else None,
            )
