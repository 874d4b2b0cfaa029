"""The proof's own client: what it sends is what the specification says, and no peer can hold it up."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from mcp.shared.inbound import InboundModernRoute, classify_inbound_request, decode_header_value
from mcp_types import InitializeRequestParams

from scaffold.endpoint import Endpoint
from scaffold.proof import wire
from scaffold.proof.needs import Need
from scaffold.proof.outcomes import Deviation, Skip, WireError
from scaffold.proof.probe import Family, Status
from scaffold.proof.proving import _asked, printable
from scaffold.proof.sources import MCP_HTTP
from scaffold.proof.subject import Subject
from scaffold.proof.wire import Client, Era, Reply, exchange, header_value, modern_headers


@contextmanager
def peer(talk: Callable[[socket.socket], None]) -> Iterator[Endpoint]:
    """A peer that does with a connection whatever it likes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                try:
                    talk(connection)
                except OSError:
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield Endpoint.at(f"http://127.0.0.1:{listener.getsockname()[1]}/mcp")
        thread.join(5)


def test_a_modern_request_is_one_that_the_official_sdk_accepts() -> None:
    params = {"name": "résumé", "arguments": {}}
    headers = {name.lower(): value for name, value in modern_headers("tools/call", params)}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": wire.modern_params(params)}
    assert isinstance(classify_inbound_request(body, headers=headers), InboundModernRoute)


def test_an_initialize_request_is_one_that_the_official_sdk_accepts() -> None:
    params = {"protocolVersion": str(Era.LEGACY), "capabilities": {}, "clientInfo": wire.CLIENT}
    assert InitializeRequestParams.model_validate(params).protocol_version == "2025-11-25"


@pytest.mark.parametrize("value", ["plain", "two words", " edge ", "tab\t", "naïve", "=?base64?eA==?=", "", "日本"])
def test_a_header_value_comes_back_as_it_was(value: str) -> None:
    encoded = header_value(value)
    assert decode_header_value(encoded) == value
    assert encoded.isascii()
    assert encoded.isprintable()


def test_a_challenge_is_read() -> None:
    header = 'Bearer error="insufficient_scope", scope="a b", max_age=300, resource_metadata="https://x/y"'
    reply = Reply(403, {"www-authenticate": header})
    assert reply.challenge == {
        "error": "insufficient_scope",
        "scope": "a b",
        "max_age": "300",
        "resource_metadata": "https://x/y",
    }


@pytest.mark.parametrize("header", ["", "Basic realm=x", "Bearer", "Bearer ???"])
def test_what_is_no_challenge_is_none(header: str) -> None:
    assert Reply(401, {"www-authenticate": header}).challenge == {}


def test_the_answer_at_the_end_of_a_stream_is_read() -> None:
    body = (
        b': ping\r\n\r\nevent: message\r\ndata: {"jsonrpc":"2.0","method":"notifications/progress"}\r\n\r\n'
        b'data: {"jsonrpc":"2.0","id":1,\ndata: "result":{"tools":[]}}\n\n'
    )
    assert Reply(200, {"content-type": "text/event-stream"}, body).result == {"tools": []}


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b'{"result": 3}', b'{"error": "no"}', b"\xff", b"[" * 100_000])
def test_a_body_of_any_shape_is_survived(body: bytes) -> None:
    reply = Reply(200, {"content-type": "application/json"}, body)
    assert (reply.result, reply.error_code) == ({}, None)
    assert str(reply) == "200"


def test_a_stream_that_never_ends_is_not_waited_for() -> None:
    def talk(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: here\n\n")
        connection.recv(1)

    with peer(talk) as endpoint:
        assert exchange(endpoint, "GET").status == 200


def test_a_body_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def talk(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        for _ in range(1000):
            connection.sendall(b".")
            threading.Event().wait(0.02)

    monkeypatch.setattr(wire, "LONGEST_SECONDS", 0.3)
    with peer(talk) as endpoint, pytest.raises(WireError, match="did not end"):
        exchange(endpoint, "POST", body=b"{}")


def test_silence_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "PATIENCE_SECONDS", 0.2)

    def talk(connection: socket.socket) -> None:
        while connection.recv(65536):
            pass

    with peer(talk) as endpoint, pytest.raises(WireError, match="no answer"):
        exchange(endpoint, "POST", body=b"{}")


def test_garbage_is_no_http() -> None:
    def talk(connection: socket.socket) -> None:
        connection.sendall(b"\x00\x01\r\n\r\n")

    with peer(talk) as endpoint, pytest.raises(WireError, match="no HTTP"):
        exchange(endpoint, "GET")


def test_the_host_is_the_one_that_clients_use() -> None:
    seen = bytearray()

    def talk(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        endpoint = replace(Endpoint.at(f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"), host="mcp.example.com")

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                seen.extend(connection.recv(65536))
                talk(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        Client(endpoint, token="t").request("tools/list")
        thread.join()
    assert b"Host: mcp.example.com\r\n" in seen
    assert seen.count(b"Host:") == 1
    assert b"Authorization: Bearer t\r\n" in seen


def ask(behaviour: Callable[[Subject], str], *needs: Need) -> tuple[Status, str]:
    family = Family("family", *needs)
    family.probe("name", "title", expect="…", source=MCP_HTTP, control="OPS-01")(behaviour)
    result = _asked(family.probes[0], Subject())
    return result.status, result.observation


def raising(error: Exception) -> Callable[[Subject], str]:
    def behave(_: Subject) -> str:
        raise error

    return behave


@pytest.mark.parametrize(
    "behaviour, status",
    [
        (lambda _: "fine", Status.PASSED),
        (raising(Deviation("other")), Status.FAILED),
        (raising(WireError("gone")), Status.FAILED),
        (raising(KeyError("x")), Status.FAILED),
        (raising(Skip("cannot")), Status.SKIPPED),
    ],
)
def test_a_probe_ends_in_one_of_three_ways(behaviour: Callable[[Subject], str], status: Status) -> None:
    assert ask(behaviour)[0] is status


def test_a_need_that_is_not_met_is_the_reason() -> None:
    assert ask(lambda _: "fine", Need.ENDPOINT) == (Status.SKIPPED, Need.ENDPOINT.value)


def test_what_a_server_says_cannot_command_a_terminal() -> None:
    assert "\x1b" not in ask(raising(Deviation("\x1b[2J\x07 tool")))[1]
    assert len(printable("x" * 10_000)) < 500
