# Managed by the template; updates merge into this file.
"""What tools take and return, by class as `policy.yaml` has it under `data`, and what of it the audit keeps."""

import hmac
import json
import secrets
from collections.abc import Container, Mapping
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict

from ..cleaning import clean
from ..settings import Settings
from ..startup import ConfigurationError

DataClass = Literal["public", "internal", "personal", "secret"]
CLASSES: tuple[DataClass, ...] = get_args(DataClass)
Tools = Mapping[str, Mapping[str, Any]]
_canonical = json.JSONEncoder(sort_keys=True).encode


class Handling(BaseModel):
    """The classes of one tool's arguments, by name, and of its result; what has none is internal."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    takes: dict[str, DataClass] = {}
    returns: DataClass = "internal"

    @property
    def strictest(self) -> DataClass:
        """The class of a call as a whole."""
        return max((*self.takes.values(), self.returns), key=CLASSES.index)


def check_classifies(data: Mapping[str, Handling], ruled: Container[str], served: Tools) -> None:
    """Raise `ConfigurationError` for the class of a tool without a rule, or of an argument that a served tool lacks."""
    for name, handling in data.items():
        unknown = handling.takes.keys() - served[name]["input"].get("properties", {}) if name in served else ()
        if name not in ruled or unknown:
            what = f"{', '.join(sorted(unknown))} of {name}" if unknown else name
            raise ConfigurationError(f"policy.yaml's 'data' has what is not there: {what}; correct or delete it.")


class Arguments:
    """How arguments of calls appear in the audit: as their class has it, or else as the settings do."""

    def __init__(self, settings: Settings) -> None:
        configured, chosen = settings.audit_hash_key, settings.audit_arguments
        self._key = configured.get_secret_value().encode() if configured else secrets.token_bytes(32)
        personal = "dropped" if chosen == "dropped" else "hashed"
        self._ways = {"public": "shown", "internal": chosen, "personal": personal, "secret": "dropped"}

    def appear(self, arguments: object, classes: Mapping[str, DataClass]) -> object:
        """What of them is kept, by name; `None` where nothing is."""
        named = arguments if isinstance(arguments, Mapping) else {}
        ways = {name: self._ways[classes.get(name, "internal")] for name in named}
        kept = {k: clean(v) if ways[k] == "shown" else self.hash(v) for k, v in named.items() if ways[k] != "dropped"}
        return kept or None

    def hash(self, value: object) -> str:
        """The value's `keyed_hash`, with the key of the settings or of this process."""
        return keyed_hash(self._key, value)


def keyed_hash(key: bytes, value: object) -> str:
    """The same for the same value, and of no use to whoever has no key."""
    return hmac.digest(key, _canonical(value).encode(), "sha256").hex()[:32]
