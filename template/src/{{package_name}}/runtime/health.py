# Managed by the template; updates merge into this file.
"""Liveness and readiness, with constant bodies: they tell a stranger nothing."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse

Check = Callable[[], bool]


async def livez(_: Request) -> JSONResponse:
    """The process answers; nothing else is touched, so that an outage elsewhere restarts nobody."""
    return JSONResponse({"status": "ok"})


class Readiness:
    """Ready while every check holds and the server is not draining."""

    def __init__(self, checks: dict[str, Check]) -> None:
        self._checks = checks
        self.draining = False

    async def readyz(self, _: Request) -> JSONResponse:
        """200 while requests are welcome, else 503."""
        if self.draining or not all(check() for check in self._checks.values()):
            return JSONResponse({"status": "unavailable"}, status_code=503)
        return JSONResponse({"status": "ready"})
