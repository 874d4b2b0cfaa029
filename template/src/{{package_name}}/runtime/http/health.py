# Managed by the template; updates merge into this file.
"""Liveness and readiness, in fixed words: they tell a stranger little, and an operator where to look."""

from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse

Check = Callable[[], str]
"""A word for what is wrong now; empty while nothing is."""


async def livez(_: Request) -> JSONResponse:
    """The process answers; nothing else is touched, so that an outage elsewhere restarts nobody."""
    return JSONResponse({"status": "ok"})


class Readiness:
    """Ready while no check finds anything wrong and the server is not draining."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = checks
        self.draining = False

    async def readyz(self, _: Request) -> JSONResponse:
        """200 while requests are welcome, else 503 with the cause."""
        causes = [f"{name}: {word}" for name, check in self._checks.items() if (word := check())]
        if self.draining or causes:
            cause = "draining" if self.draining else ", ".join(causes)
            return JSONResponse({"status": "unavailable", "cause": cause}, status_code=503)
        return JSONResponse({"status": "ready"})
