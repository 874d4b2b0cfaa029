# Managed by the template; updates merge into this file.
"""What the layers find out of a request and leave in its ASGI scope for others."""

from collections.abc import Mapping
from typing import Any, TypedDict, cast

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser

from ..access.principal import Principal


class Known(TypedDict, total=False):
    """Each key is written by one layer, and read by those further in and by `Refusals`, which answers for all."""

    principal: Principal
    """On whose behalf it is served, as `current_principal` says further in: from `Authentication`, or `Anonymity`."""
    user: AuthenticatedUser
    """Whom the SDK binds a session to: from `Authentication`."""
    message: Mapping[str, Any]
    """The parsed body, one JSON-RPC message: from `Body`."""
    call: bool
    """An audit event of the call stands for the request: from `Record`."""
    is_refused: bool
    """A refusal is on record, as the rest of the request was not HTTP: from `BoundedConnection`."""


def known(scope: Mapping[str, Any]) -> Known:
    """What is known of the request so far; what is assigned there is in the scope."""
    return cast(Known, scope)
