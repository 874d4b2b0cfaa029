"""The official Python and TypeScript clients: each is sent to a server, authorizes, and calls tools."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
import httpx2
from mcp.client import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl

from tests.support import node

CALLBACK = "http://127.0.0.1:8765/callback"
Send = Callable[[str], str]
"""Sends the person to an address, and returns where the browser came back to."""


@dataclass(frozen=True)
class Call:
    """A tool and its arguments."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Trip:
    """Where a client goes, as which generation (`legacy` or `auto`), to call what, with whose help.

    A client with a `metadata_url` may use that as its id; one without registers itself.
    """

    url: str
    mode: str
    calls: Sequence[Call]
    person: Send
    metadata_url: str | None = None


@dataclass
class Visit:
    """What a client did: the authorization requests that it made, and the scopes it held after each call."""

    authorizations: list[dict[str, str]] = field(default_factory=list)
    calls: list[tuple[str, bool, frozenset[str]]] = field(default_factory=list)

    def send(self, person: Send) -> Send:
        """Send the person, and keep what the client asked the authorization server for."""

        def kept(url: str) -> str:
            self.authorizations.append({name: values[0] for name, values in parse_qs(urlsplit(url).query).items()})
            return person(url)

        return kept


class Memory:
    """Where the Python client keeps its registration and its tokens."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


def visit_with_python(trip: Trip) -> Visit:
    """Call tools with the client of the Python SDK."""
    visit, memory = Visit(), Memory()
    person = visit.send(trip.person)
    callback: list[str] = []

    async def redirect(authorize: str) -> None:
        callback.append(await anyio.to_thread.run_sync(person, authorize))

    async def returned() -> AuthorizationCodeResult:
        query = parse_qs(urlsplit(callback.pop()).query)
        return AuthorizationCodeResult(**{name: query[name][0] for name in ("code", "state", "iss") if name in query})

    metadata = OAuthClientMetadata(
        client_name="Official Python client", redirect_uris=[AnyUrl(CALLBACK)], token_endpoint_auth_method="none"
    )
    auth = OAuthClientProvider(trip.url, metadata, memory, redirect, returned, trip.metadata_url)

    async def main() -> None:
        async with (
            httpx2.AsyncClient(auth=auth, timeout=30) as http,
            Client(streamable_http_client(trip.url, http_client=http), mode=trip.mode) as client,
        ):
            for call in trip.calls:
                result = await client.call_tool(call.name, call.arguments)
                assert memory.tokens is not None
                scopes = frozenset((memory.tokens.scope or "").split())
                visit.calls.append((call.name, bool(result.is_error), scopes))

    anyio.run(main)
    return visit


def visit_with_typescript(trip: Trip, folder: Path) -> Visit:
    """Call tools with the client of the TypeScript SDK, in a process of its own."""
    visit = Visit()
    person = visit.send(trip.person)
    told = [json.dumps({"name": call.name, "arguments": call.arguments}) for call in trip.calls]
    process = subprocess.Popen(
        [node.find("node"), "client.mjs", trip.url, trip.mode, trip.metadata_url or "", *told],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        for line in process.stdout:
            event = json.loads(line)
            if "authorize" in event:
                process.stdin.write(person(event["authorize"]) + "\n")
                process.stdin.flush()
            else:
                visit.calls.append((event["called"], event["failed"], frozenset((event["scope"] or "").split())))
    assert process.returncode == 0, "the TypeScript client failed"
    return visit
