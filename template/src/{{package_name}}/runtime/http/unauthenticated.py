# Managed by the template; updates merge into this file.
"""Everyone may enter, as one and the same principal."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext

from starlette.routing import Route
from starlette.types import ASGIApp

from ..access.policy import Policy
from ..settings import Settings
from .guards.anonymity import Anonymity
from .health import Check


class Entrance:
    """The layers of a server that knows nobody; `authenticated` has their other form."""

    routes: Sequence[Route] = ()
    checks: Mapping[str, Check] = {}

    def __init__(self, settings: Settings, policy: Policy) -> None:
        """Need nothing of either."""

    def identify(self, app: ASGIApp) -> ASGIApp:
        """Let everyone act as the anonymous principal."""
        return Anonymity(app)

    def authorize(self, app: ASGIApp) -> ASGIApp:
        """Let everything through: the anonymous principal holds every scope."""
        return app

    def run(self) -> AbstractAsyncContextManager[None]:
        """Do nothing besides."""
        return nullcontext()
