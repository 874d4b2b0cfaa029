# Managed by the template; updates merge into this file.
"""Who may call what: `policy.yaml`, deny by default."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from mcp.shared.uri_template import UriTemplate
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from ..startup import ConfigurationError
from .principal import Principal

logger = logging.getLogger(__name__)

Scope = Annotated[str, Field(pattern=r"^[\x21\x23-\x5B\x5D-\x7E]+$", max_length=128)]
Rule = tuple[Scope, ...]


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
        gaps = _compare("has no rule under '{}' for: {}", features, self)
        wrong, stale = [*gaps, *self._undeclared_scopes()], self.stale_rules(features)
        if wrong:
            raise ConfigurationError(f"policy.yaml {'; it '.join([*wrong, *stale])}.")
        for sentence in stale:
            logger.warning("policy.yaml %s.", sentence)

    def stale_rules(self, features: Features) -> list[str]:
        """Say which rules are for something that is not served."""
        return _compare("has rules under '{}' for what is not served: {}", self, features)

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
        held = principal.scopes.union(*(self.roles[role] for role in principal.roles & self.roles.keys()))
        while included := frozenset(each for scope in held for each in self.scopes.get(scope, ())) - held:
            held |= included
        return required - held

    def _resource_rule(self, uri: str) -> frozenset[str]:
        """What every matching rule needs: which of several templates serves a URI is not for the policy to guess."""
        matching = [rule for pattern, rule in self.resources.items() if _matches(pattern, uri)]
        if not matching:
            raise Denied(f"No rule of policy.yaml allows {uri!r}.")
        return frozenset(scope for rule in matching for scope in rule)


DENY_EVERYTHING = Policy()
"""What holds while there is no `policy.yaml`."""

_parse_template = cache(UriTemplate.parse)


def _compare(sentence: str, these: object, those: object) -> list[str]:
    """The sentence, for each kind of which these have names that those lack."""
    found = {kind: {*getattr(these, kind)} - {*getattr(those, kind)} for kind in Features.__slots__}
    return [sentence.format(kind, ", ".join(sorted(names))) for kind, names in found.items() if names]


def _matches(pattern: str, uri: str) -> bool:
    return pattern == uri or (UriTemplate.is_template(pattern) and _parse_template(pattern).match(uri) is not None)


def _rule(rules: Mapping[str, Rule], name: str) -> frozenset[str]:
    if name not in rules:
        raise Denied(f"No rule of policy.yaml allows {name!r}.")
    return frozenset(rules[name])


def find_policy() -> Path:
    """Where `policy.yaml` is: inside an installed package, or at the root of a source checkout."""
    installed, checkout = (Path(__file__).resolve().parents[level] / "policy.yaml" for level in (2, 4))
    return installed if installed.exists() else checkout


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
