# Managed by the template; updates merge into this file.
"""Who may call what: `policy.yaml`, deny by default."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from mcp.shared.uri_template import UriTemplate
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from .configuration import ConfigurationError
from .principal import Principal

logger = logging.getLogger(__name__)

Scope = Annotated[str, Field(pattern=r"^[\x21\x23-\x5B\x5D-\x7E]+$", max_length=128)]
Rule = tuple[Scope, ...]
KINDS = ("tools", "resources", "prompts")


class Denied(Exception):
    """No rule of the policy allows this, so no scope could."""


@dataclass(frozen=True, slots=True)
class Features:
    """What a server offers, by the names that a policy uses."""

    tools: frozenset[str]
    resources: frozenset[str]
    prompts: frozenset[str]


class Policy(BaseModel):
    """The parsed `policy.yaml`: every rule lists the scopes that a caller needs, all of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scopes: dict[Scope, Rule] = {}
    """Each scope, and the scopes that it includes."""
    roles: dict[str, Rule] = {}
    """The scopes that a role of the token grants in addition to the token's own scopes."""
    tools: dict[str, Rule] = {}
    resources: dict[str, Rule] = {}
    """By URI or URI template, exactly as registered."""
    prompts: dict[str, Rule] = {}

    def check_covers(self, features: Features) -> None:
        """Raise `ConfigurationError` with all that has no rule and every undeclared scope; log rules for nothing served."""
        wrong, stale = [*self._gaps(features), *self._undeclared_scopes()], list(self.stale_rules(features))
        if wrong:
            raise ConfigurationError(f"policy.yaml {'; it '.join([*wrong, *stale])}.")
        for sentence in stale:
            logger.warning("policy.yaml %s.", sentence)

    def stale_rules(self, features: Features) -> Iterator[str]:
        """Say which rules are for something that is not served."""
        for kind in KINDS:
            if stale := getattr(self, kind).keys() - getattr(features, kind):
                yield f"has rules under '{kind}' for what is not served: {', '.join(sorted(stale))}"

    def _gaps(self, features: Features) -> Iterator[str]:
        for kind in KINDS:
            if missing := getattr(features, kind) - getattr(self, kind).keys():
                yield f"has no rule under '{kind}' for: {', '.join(sorted(missing))}"

    def _undeclared_scopes(self) -> Iterator[str]:
        tables = (self.scopes, self.roles, self.tools, self.resources, self.prompts)
        named = {scope for table in tables for rule in table.values() for scope in rule}
        if undeclared := named - self.scopes.keys():
            yield f"uses scopes that are not under 'scopes': {', '.join(sorted(undeclared))}"

    def required_scopes(self, method: str, params: Mapping[str, Any]) -> frozenset[str]:
        """The scopes that a request needs, if any; raises `Denied` where it names something that has no rule."""
        match method, params:
            case "tools/call", {"name": str(name)}:
                return _rule(self.tools, name)
            case "prompts/get", {"name": str(name)}:
                return _rule(self.prompts, name)
            case "resources/read" | "resources/subscribe", {"uri": str(uri)}:
                return self._resource_rule(uri)
            case "completion/complete", {"ref": {"type": "ref/prompt", "name": str(name)}}:
                return _rule(self.prompts, name)
            case "completion/complete", {"ref": {"type": "ref/resource", "uri": str(uri)}}:
                return self._resource_rule(uri)
            case "subscriptions/listen", {"notifications": {"resourceSubscriptions": [*uris]}}:
                return frozenset().union(*(self._resource_rule(str(uri)) for uri in uris))
            case _:
                return frozenset()

    def missing_scopes(self, principal: Principal, required: frozenset[str]) -> frozenset[str]:
        """The scopes that `principal` would still need, counting what its scopes include and its roles grant."""
        if principal.unrestricted or required <= principal.scopes:
            return frozenset()
        granted = set(principal.scopes)
        for role in principal.roles & self.roles.keys():
            granted.update(self.roles[role])
        return required - self._closure(granted)

    def _closure(self, scopes: Iterable[str]) -> frozenset[str]:
        reached = frozenset(scopes)
        while included := frozenset(each for scope in reached for each in self.scopes.get(scope, ())) - reached:
            reached |= included
        return reached

    def _resource_rule(self, uri: str) -> frozenset[str]:
        """What every matching rule needs: which of several templates serves a URI is not for the policy to guess."""
        matching = [rule for pattern, rule in self.resources.items() if _matches(pattern, uri)]
        if not matching:
            raise Denied(f"No rule of policy.yaml allows {uri!r}.")
        return frozenset(scope for rule in matching for scope in rule)


DENY_EVERYTHING = Policy()
"""What holds while there is no `policy.yaml`."""

_parse_template = cache(UriTemplate.parse)


def _matches(pattern: str, uri: str) -> bool:
    return pattern == uri or (UriTemplate.is_template(pattern) and _parse_template(pattern).match(uri) is not None)


def _rule(rules: Mapping[str, Rule], name: str) -> frozenset[str]:
    if name not in rules:
        raise Denied(f"No rule of policy.yaml allows {name!r}.")
    return frozenset(rules[name])


def find_policy() -> Path:
    """Where `policy.yaml` is: inside an installed package, or at the root of a source checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "policy.yaml"
    return installed if installed.exists() else package.parent.parent / "policy.yaml"


def load_policy(path: Path) -> Policy:
    """Read the policy; an absent file denies everything, and an invalid one raises `ConfigurationError`."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        logger.warning("%s does not exist: every tool, resource and prompt is denied.", path.name)
        return DENY_EVERYTHING
    try:
        return Policy.model_validate(YAML(typ="safe", pure=True).load(text) or {})
    except YAMLError as error:
        raise ConfigurationError(f"{path.name} is not valid YAML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"{path.name}: {place}: {first['msg']}.") from error
