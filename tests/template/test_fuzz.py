"""Whatever arrives at a rendered server is answered: in time, with no status that blames the server, and forgotten."""

from __future__ import annotations

import copy
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scaffold.proof.issuer import Authority, TokenShape, running_issuer
from scaffold.proof.servers import Launcher, Server, production_settings
from scaffold.proof.wire import Client, Era, modern_headers, modern_params
from tests.servers.started import install_rendered

pytestmark = [pytest.mark.network, pytest.mark.xdist_group("fuzz")]

PATIENCE_SECONDS = 20
MOST_GROWTH_MEGABYTES = 30
EXAMPLES = 300
MANY_EXAMPLES = 100_000

PARAMS: dict[str, dict[str, Any]] = {
    "initialize": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "a", "version": "1"}},
    "server/discover": {},
    "tools/list": {},
    "tools/call": {"name": "list_notes", "arguments": {"limit": 1}},
    "resources/list": {},
    "resources/templates/list": {},
    "resources/read": {"uri": "notes://1"},
    "prompts/get": {"name": "summarize_notes", "arguments": {}},
    "completion/complete": {
        "ref": {"type": "ref/prompt", "name": "summarize_notes"},
        "argument": {"name": "a", "value": "b"},
    },
    "subscriptions/listen": {"notifications": {"resourceSubscriptions": ["notes://1"]}},
    "notifications/cancelled": {"requestId": 1},
}
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=True),
    st.text(max_size=20),
    st.sampled_from(["", "list_notes", "notes://", "notes://..%2F..", "\ud800", "\x00", "2026-07-28", 2**70, -1]),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)
HEADER_TEXT = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"", b"2025-11-25", b"2026-07-28", b"=?base64?!?=", b"\xff", b"a" * 9_000, b"text/event-stream"]),
)


@dataclass(frozen=True)
class Subject:
    """A started server, and a token that it takes."""

    server: Server
    token: str

    def resident_megabytes(self) -> float:
        pages = Path(f"/proc/{self.server.process.pid}/statm").read_text(encoding="utf-8").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6

    def good_call(self) -> int:
        return Client(self.server.endpoint, token=self.token).request("tools/call", PARAMS["tools/call"]).status

    def answer_to(self, request: bytes) -> bytes:
        """The status line and headers; for anything but an event stream the body must end too."""
        endpoint = self.server.endpoint
        with socket.create_connection((endpoint.address, endpoint.port), timeout=PATIENCE_SECONDS) as connection:
            connection.sendall(request)
            answer, head = b"", b""
            while part := connection.recv(65_536):
                answer += part
                head, found, _ = answer.partition(b"\r\n\r\n")
                if found and b"text/event-stream" in head:
                    break
        return head


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    folder = tmp_path_factory.mktemp("fuzz")
    answers = ("transport=http", "auth_provider=oidc", "auth_issuer=https://id.example.com", "telemetry=none")
    installation = install_rendered(folder, *answers)
    repository = installation.repository
    authority = Authority(folder)
    with running_issuer(authority, repository.issuer_path, repository.audience, TokenShape()) as issuer:
        environment = {
            **production_settings(repository),
            "MCP_AUTH_ISSUER": issuer.url,
            "MCP_RATE_LIMIT": "100000000/hour",
            "MCP_BODY_TIMEOUT_SECONDS": "2",
            "SSL_CERT_FILE": str(authority.certificate_file),
        }
        claims = issuer.claims("fuzz", ["mcp:read", "mcp:write"])
        token = issuer.sign({**claims, "exp": claims["iat"] + 36_000})
        with Launcher(installation, environment).ready(repository.public_host) as server:
            yield Subject(server, token)


@st.composite
def messages(draw: st.DrawFn) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """A message of either era in which a few places are something else, and its headers."""
    method = draw(st.sampled_from(sorted(PARAMS)))
    era = draw(st.sampled_from(list(Era)))
    params = PARAMS[method]
    headers = [("MCP-Protocol-Version", str(era))]
    if era is Era.MODERN:
        headers, params = modern_headers(method, params), modern_params(params)
    message: dict[str, Any] = copy.deepcopy({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    for _ in range(draw(st.integers(0, 3))):
        _change_somewhere(draw, message)
    return json.dumps(message).encode(), [(name.encode(), value.encode()) for name, value in headers]


def _change_somewhere(draw: st.DrawFn, place: dict[str, Any]) -> None:
    key = draw(st.sampled_from(sorted(place)) if place else st.text(max_size=8))
    inside = place.get(key)
    if isinstance(inside, dict) and draw(st.booleans()):
        _change_somewhere(draw, inside)
    elif draw(st.booleans()):
        place[key] = draw(VALUES)
    else:
        place.pop(key, None)
        place[draw(st.text(max_size=8))] = draw(VALUES)


RAW_BODIES = st.tuples(
    st.one_of(
        st.binary(max_size=500),
        st.text(alphabet='[]{}",:0123456789eE.-\\truefalsn ', max_size=300).map(str.encode),
        st.integers(1, 3_000).map(lambda depth: b"[" * depth + b"]" * depth),
        VALUES.map(lambda value: json.dumps(value).encode()),
    ),
    st.sampled_from([[], [(b"MCP-Protocol-Version", b"2026-07-28")], [(b"MCP-Protocol-Version", b"2025-11-25")]]),
)
HEADER_NAMES = [
    *(b"MCP-Protocol-Version", b"Mcp-Method", b"Mcp-Name", b"Mcp-Param-x", b"Mcp-Session-Id", b"Last-Event-ID"),
    *(b"Accept", b"Content-Type", b"Content-Encoding", b"Origin", b"traceparent", b"X-Forwarded-For"),
]
HEADERS = st.lists(
    st.tuples(st.sampled_from(HEADER_NAMES) | st.binary(min_size=1, max_size=12), HEADER_TEXT), max_size=3
)
TOKENS = st.one_of(
    st.none(),
    st.binary(max_size=60),
    st.tuples(st.integers(0, 400), st.binary(min_size=1, max_size=3)),
)
"""None: the good one; bytes: in its place; a place and bytes: the good one with that in it."""


@st.composite
def requests(draw: st.DrawFn) -> tuple[Any, ...]:
    """The parts of a request; most bear the good token, or nothing further in would be reached."""
    body, headers = draw(messages() | RAW_BODIES)
    odd = draw(HEADERS) if draw(st.integers(0, 2)) == 0 else []
    token = draw(TOKENS) if draw(st.integers(0, 4)) == 0 else None
    path = draw(st.sampled_from([b"/mcp"] * 9 + [b"/readyz", b"/.well-known/oauth-protected-resource", b"/\xff"]))
    return draw(st.sampled_from([b"POST"] * 9 + [b"GET", b"OPTIONS", b"DELETE"])), path, body, headers + odd, token


def written(subject: Subject, parts: tuple[Any, ...]) -> bytes:
    """A request on the wire."""
    method, path, body, headers, token = parts
    bearer = subject.token.encode()
    if isinstance(token, bytes):
        bearer = token
    elif token is not None:
        place, put = token
        bearer = bearer[:place] + put + bearer[place + len(put) :]
    usual = [
        (b"Host", subject.server.endpoint.host.encode()),
        (b"Connection", b"close"),
        (b"Content-Length", str(len(body)).encode()),
        (b"Authorization", b"Bearer " + bearer),
    ]
    given_names = {name.lower() for name, _ in headers}
    for name, value in ((b"Content-Type", b"application/json"), (b"Accept", b"application/json, text/event-stream")):
        if name.lower() not in given_names:
            usual.append((name, value))
    lines: list[bytes] = [b" ".join((method, path, b"HTTP/1.1")), *(b": ".join(pair) for pair in usual + headers)]
    return b"\r\n".join((*lines, b"", bytes(body)))


def survive(subject: Subject, examples: int) -> None:
    """Send so many requests, and look at the answers, the log and the memory."""
    before: list[float] = []

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(requests())
    def send(parts: tuple[Any, ...]) -> None:
        head = subject.answer_to(written(subject, parts))
        if not before:
            before.append(subject.resident_megabytes())
        assert head.startswith(b"HTTP/1.1 "), head[:100]
        assert int(head[9:12]) < 500, head[:300]

    send()
    assert subject.good_call() == 200
    log = subject.server.log_file.read_text(encoding="utf-8", errors="replace")
    assert '"level": "error"' not in log
    assert "Traceback" not in log
    assert subject.resident_megabytes() - before[0] < MOST_GROWTH_MEGABYTES


def test_no_input_is_the_servers_fault(subject: Subject) -> None:
    survive(subject, EXAMPLES)


@pytest.mark.fuzz
@pytest.mark.timeout(7200)
def test_none_of_a_hundred_thousand_inputs_is_the_servers_fault(subject: Subject) -> None:
    survive(subject, MANY_EXAMPLES)
