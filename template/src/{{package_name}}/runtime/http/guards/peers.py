# Managed by the template; updates merge into this file.
"""A peer that keeps sending forged tokens is told to wait; a good token passes, whoever shares its address."""

import ipaddress

from limits import RateLimitItemPerMinute
from limits.aio.strategies import FixedWindowRateLimiter
from starlette.types import ASGIApp, Receive, Scope, Send

from ...state.counters import BoundedStorage
from ..errors import RequestRefused

FAILURES = RateLimitItemPerMinute(60)


class Peers:
    """Counts tokens that the issuer never gave, by address; IPv6 by its network, as a peer has a whole one. Each replica counts alone."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._failures = FixedWindowRateLimiter(BoundedStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except RequestRefused as refused:
            peer = _network_of(scope["client"][0]) if scope.get("client") else "unknown"
            if refused.reason == "invalid_token" and not await self._failures.hit(FAILURES, peer):
                # It still says how to authorize: most clients learn it from any answer.
                headers = refused.headers | {"retry-after": "60"}
                raise RequestRefused(429, "peer_failures", "Too many failed attempts.", headers=headers) from refused
            raise


def _network_of(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else str(parsed)
