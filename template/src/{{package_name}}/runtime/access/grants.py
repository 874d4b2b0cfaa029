# Managed by the template; updates merge into this file.
"""What a principal holds: its scopes, and those that they and its roles bring with them."""

from collections.abc import Iterable

from .policy import Policy
from .principal import Principal


def missing_scopes(policy: Policy, principal: Principal, required: frozenset[str]) -> frozenset[str]:
    """The scopes that `principal` would still need, counting what its scopes include and its roles grant."""
    if principal.unrestricted or required <= principal.scopes:
        return frozenset()
    granted = set(principal.scopes)
    for role in principal.roles & policy.roles.keys():
        granted.update(policy.roles[role])
    return required - _closure(policy, granted)


def _closure(policy: Policy, scopes: Iterable[str]) -> frozenset[str]:
    reached = frozenset(scopes)
    while included := frozenset(each for scope in reached for each in policy.scopes.get(scope, ())) - reached:
        reached |= included
    return reached
