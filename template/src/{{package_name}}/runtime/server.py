# Managed by the template; updates merge into this file.
"""The MCP server with your tools, resources and prompts, and everything that surrounds a call."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import Any

from mcp.server import CacheHint, MCPServer
from mcp.server.context import ServerMiddleware
from mcp.server.request_state import RequestStateSecurity
from mcp.server.subscriptions import ListenHandler, SubscriptionBus

from . import about
from .audit import AuditTrail
from .calls.authorization import Authorization
from .calls.deadline import Deadline
from .calls.inputs import Inputs
from .calls.outputs import Outputs
from .calls.record import Record
from .policy import Policy, find_policy, load_policy
from .principal import current_principal
from .sdk import forbid_unknown_arguments, hide_empty_capabilities, list_features, serve_subscriptions
from .settings import Settings

PACKAGE = __name__.partition(".")[0]
PARTS = tuple(f"{PACKAGE}.{part}" for part in ("tools", "resources", "prompts"))
LISTS = CacheHint(ttl_ms=60_000, scope="private")


@dataclass(frozen=True, slots=True)
class BuiltServer:
    """A server ready for a transport, with what a transport needs to know of it."""

    mcp: MCPServer[Any]
    policy: Policy
    listen: ListenHandler
    audit: AuditTrail


def build_server(
    settings: Settings,
    bus: SubscriptionBus,
    parts: Sequence[str] = PARTS,
    *,
    middleware: Sequence[ServerMiddleware[Any]] = (),
) -> BuiltServer:
    """Register what the packages in `parts` define, and surround it; `middleware` runs inside the record.

    Raises:
        ConfigurationError: the policy does not cover what is served.
    """
    audit = AuditTrail(settings)
    policy = load_policy(settings.policy_file or find_policy())
    mcp = MCPServer[Any](
        about.NAME,
        title=about.TITLE,
        description=about.DESCRIPTION,
        version=about.VERSION,
        subscriptions=bus,
        request_state_security=_request_state_security(settings),
        cache_hints={
            "server/discover": LISTS,
            "tools/list": LISTS,
            "resources/list": LISTS,
            "resources/templates/list": LISTS,
            "prompts/list": LISTS,
        },
    )
    for part in parts:
        _register_modules(mcp, part)
    listen = serve_subscriptions(mcp, bus, getattr(settings, "max_subscriptions", 16))
    forbid_unknown_arguments(mcp)
    hide_empty_capabilities(mcp)
    features = list_features(mcp)
    if policy.is_present:
        policy.check_covers(features)
    layers: list[ServerMiddleware[Any]] = [
        Record(audit, features),
        *middleware,
        Authorization(policy),
        Deadline(settings.tool_timeout_seconds),
        Inputs(mcp, features),
        Outputs(settings.max_result_bytes),
    ]
    mcp.middleware.extend(layers)
    return BuiltServer(mcp, policy, listen, audit)


def _register_modules(mcp: MCPServer[Any], package: str) -> None:
    """Call `register(server)` of every module in a package; a package that is gone registers nothing."""
    if find_spec(package) is None:
        return
    for module in sorted(info.name for info in iter_modules(import_module(package).__path__)):
        import_module(f"{package}.{module}").register(mcp)


def _request_state_security(settings: Settings) -> RequestStateSecurity:
    keys = [key.get_secret_value() for key in settings.request_state_keys]
    if not keys:
        return RequestStateSecurity(codec=RequestStateSecurity.ephemeral().codec, bind_principal=_principal_key)
    return RequestStateSecurity(keys=keys, bind_principal=_principal_key)


def _principal_key(_: object) -> str:
    principal = current_principal()
    return f"{principal.key} {principal.client_id}"
