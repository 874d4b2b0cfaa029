# Managed by the template; updates merge into this file.
"""Scopes and the second factor, decided from the body: headers may lie, and older clients send none."""

from starlette.types import ASGIApp, Receive, Scope, Send

from ..auth.challenge import Challenges
from ..auth.provider import PROVIDER
from ..policy import Denied, Policy
from ..principal import current_principal


class ScopeChallenge:
    """Tells a client which authorization it lacks; what no scope allows is left to the policy next to the call."""

    def __init__(
        self, app: ASGIApp, policy: Policy, challenges: Challenges, second_factor_scopes: frozenset[str]
    ) -> None:
        self._app = app
        self._policy = policy
        self._challenges = challenges
        self._second_factor_scopes = second_factor_scopes if PROVIDER.second_factor else frozenset()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        required = self._required_scopes(scope)
        principal = current_principal()
        if self._policy.missing_scopes(principal, required):
            raise self._challenges.insufficient_scope(required)
        if required & self._second_factor_scopes and not principal.second_factor:
            raise self._challenges.missing_second_factor(required)
        await self._app(scope, receive, send)

    def _required_scopes(self, scope: Scope) -> frozenset[str]:
        message = scope["message"]
        params = message.get("params")
        try:
            return self._policy.required_scopes(str(message.get("method")), params if isinstance(params, dict) else {})
        except Denied:
            return frozenset()
