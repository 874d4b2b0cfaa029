# Managed by the template; updates merge into this file.
"""Whether the issuer answers, and how old its keys are."""

import time

from ..oauth.keys import IssuerKeys
from .instruments import observe, observe_each


def observe_issuer(keys: IssuerKeys) -> None:
    """Tell the metrics from now on."""
    observe("mcp.server.issuer.reachable", lambda: keys.is_current)
    observe_each("mcp.server.issuer.fetches", "outcome", keys.fetches.copy)
    observe("mcp.server.issuer.keys.age", lambda: keys.fetched_at and time.monotonic() - keys.fetched_at)
