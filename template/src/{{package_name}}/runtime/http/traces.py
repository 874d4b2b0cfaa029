# Managed by the template; updates merge into this file.
"""The trace that a request belongs to (W3C Trace Context)."""

from opentelemetry.context import attach, detach
from opentelemetry.propagate import extract
from starlette.types import ASGIApp, Receive, Scope, Send

HEADERS = frozenset({b"traceparent", b"tracestate"})


class Traces:
    """Makes the span that a request's headers name the parent of those that serve it; one in its `_meta` comes first."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        named = {name.decode(): value.decode("latin-1") for name, value in scope.get("headers", ()) if name in HEADERS}
        if not named:
            await self._app(scope, receive, send)
            return
        token = attach(extract(named))
        try:
            await self._app(scope, receive, send)
        finally:
            detach(token)
