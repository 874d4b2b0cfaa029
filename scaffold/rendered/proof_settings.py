"""`proof.yaml`: what the proof of a person's own server needs. The file is optional."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from scaffold import documents
from scaffold.documents import JsonValue
from scaffold.endpoint import Endpoint
from scaffold.errors import RefusedError

FILE = "proof.yaml"
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
ADDRESS = re.compile(r"(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\]):(?P<port>[0-9]{1,5})")
LARGEST_PORT = 65535
OWN_SETTINGS = frozenset(
    {
        "MCP_AUTH_AUDIENCE",
        "MCP_AUTH_ISSUER",
        "MCP_AUTH_JWKS_URL",
        "MCP_ENVIRONMENT",
        "MCP_HOST",
        "MCP_METRICS_PORT",
        "MCP_PORT",
        "MCP_PUBLIC_URL",
        "MCP_REDIS_URL",
        "MCP_REDIS_URL_FILE",
        "SSL_CERT_FILE",
    }
)
"""What the proof sets by itself, because each of its servers has an address, an issuer and a store of its own."""

Address: TypeAlias = Endpoint | tuple[str, int]
"""A URL that is asked, or a host and port that are connected to."""


@dataclass(frozen=True)
class Service:
    """A stand-in for something that the server calls: its command, and the address that says it is ready."""

    command: tuple[str, ...]
    ready: str
    address: Address

    def __str__(self) -> str:
        """The stand-in as a person recognizes it."""
        return f"{shlex.join(self.command)} ({self.ready})"


@dataclass(frozen=True)
class GivenCall:
    """The call that a person chose for the proof."""

    tool: str
    arguments: Mapping[str, JsonValue]


@dataclass(frozen=True)
class ProofSettings:
    """The settings, the stand-ins and the call that a person gives; empty without the file."""

    env: Mapping[str, str] = field(default_factory=dict)
    services: tuple[Service, ...] = ()
    call: GivenCall | None = None

    @classmethod
    def read(cls, repository: Path) -> ProofSettings:
        """Read a repository's `proof.yaml`; paths of `_FILE` settings are relative to the repository.

        Raises:
            RefusedError: It cannot be read, or does not say what it has to say.
        """
        file = repository / FILE
        if not file.exists():
            return cls()
        document = documents.read(file)
        try:
            return _proof_settings({} if document is None else document, repository.resolve())
        except _MalformedError as error:
            raise RefusedError(f"{FILE}: {error}.") from error

    def needs(self, *, store: bool) -> list[str]:
        """What a proof needs beyond the repository; with `store` its replicas share state."""
        shared = ["Valkey or Redis, installed or out of the lock"] if store else []
        return ["uv and a package index, or uv's cache", *shared, *map(str, self.services)]


class _MalformedError(ValueError):
    """A part of the file does not say what it has to say; the text is the sentence, without its full stop."""


def _proof_settings(document: object, repository: Path) -> ProofSettings:
    members = _members(document, "it", {"env", "services", "call"})
    services = members.get("services") or []
    if not isinstance(services, list):
        raise _MalformedError("services is a list, of a command and a ready address each")
    return ProofSettings(
        env=_env(members.get("env"), repository),
        services=tuple(_service(service, f"services[{number}]") for number, service in enumerate(services)),
        call=None if members.get("call") is None else _call(members["call"]),
    )


def _env(document: object, repository: Path) -> dict[str, str]:
    settings = {name: _setting(name, value) for name, value in _members(document, "env").items()}
    return {
        name: str(repository / text) if name.startswith("MCP_") and name.endswith("_FILE") else text
        for name, text in settings.items()
    }


def _setting(name: str, value: object) -> str:
    if not VARIABLE.fullmatch(name):
        raise _MalformedError(f"env: {name!r} is no name of a variable")
    if name in OWN_SETTINGS:
        raise _MalformedError(f"env: {name} is set by the proof itself, so leave it out")
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float):
        raise _MalformedError(f"env: {name} is one text or number: put anything else in quotes")
    return str(value)


def _service(document: object, where: str) -> Service:
    members = _members(document, where, {"command", "ready"})
    ready = members.get("ready")
    if not isinstance(ready, str):
        raise _MalformedError(
            f"{where}: ready is the address that says it is ready, such as http://127.0.0.1:9001/health"
        )
    try:
        return Service(_command(members.get("command")), ready, _address(ready))
    except _MalformedError as error:
        raise _MalformedError(f"{where}: {error}") from error


def _command(value: object) -> tuple[str, ...]:
    try:
        words = shlex.split(value) if isinstance(value, str) else value
    except ValueError:
        words = None
    if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
        raise _MalformedError("command is a program and its arguments, as one text or a list of texts")
    return tuple(words)


def _address(ready: str) -> Address:
    found = ADDRESS.fullmatch(ready)
    if found is None:
        try:
            return Endpoint.at(ready)
        except ValueError:
            raise _MalformedError(f"ready is an http or https URL or host:port, not {ready!r}") from None
    if not 0 < int(found["port"]) <= LARGEST_PORT:
        raise _MalformedError(f"ready: {found['port']} is no port")
    return found["host"].strip("[]"), int(found["port"])


def _call(document: object) -> GivenCall:
    members = _members(document, "call", {"tool", "arguments"})
    tool = members.get("tool")
    if not isinstance(tool, str) or not tool:
        raise _MalformedError("call: tool is the name of a tool")
    arguments = _members(members.get("arguments"), "call: arguments")
    try:
        json.dumps(arguments, allow_nan=False)
    except (TypeError, ValueError):
        raise _MalformedError("call: arguments hold what JSON cannot: put a date in quotes") from None
    return GivenCall(tool, arguments)


def _members(document: object, where: str, known: frozenset[str] | set[str] = frozenset()) -> dict[str, JsonValue]:
    """A mapping by texts, empty where nothing stands; with `known`, of no other names."""
    if document is None:
        return {}
    if not isinstance(document, dict) or not all(isinstance(name, str) for name in document):
        raise _MalformedError(f"{where} is no mapping of names to values")
    if known and (foreign := sorted(document.keys() - known)):
        raise _MalformedError(f"{where} has no {foreign[0]!r}: it takes {', '.join(sorted(known))}")
    return document
