# Managed by the template; updates merge into this file.
"""The HTTP transport on the wire: hosts, origins, methods, bodies, health."""

import json
from typing import Any

import pytest
from process import LEGACY, MODERN, ServerProcess, result_of

LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}


@pytest.mark.control("OPS-01")
@pytest.mark.parametrize("era", [MODERN, LEGACY])
def test_both_protocol_eras_are_served(server: ServerProcess, token: str, era: str) -> None:
    response = server.call("write_item", {"text": "hello"}, token, era)
    assert result_of(response)["result"]["structuredContent"] == {"text": "hello"}


@pytest.mark.control("NET-01")
@pytest.mark.parametrize("path", ["/mcp", "/.well-known/oauth-protected-resource"])
def test_a_foreign_host_is_refused(server: ServerProcess, path: str) -> None:
    response = server.http.request("POST", path, headers={"host": "attacker.example.net"})
    assert response.status_code == 421


@pytest.mark.control("NET-02")
@pytest.mark.parametrize("origin", ["https://attacker.example.net", "null"])
@pytest.mark.parametrize("path", ["/mcp", "/livez", "/readyz"])
def test_a_foreign_origin_is_refused(server: ServerProcess, path: str, origin: str) -> None:
    assert server.http.get(path, headers={"origin": origin}).status_code == 403


@pytest.mark.control("NET-03")
def test_an_allowed_origin_may_ask_and_call(server: ServerProcess, token: str) -> None:
    origin = {"origin": "https://app.example.com"}
    preflight = server.http.options("/mcp", headers={**origin, "access-control-request-method": "POST"})
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == "https://app.example.com"
    assert preflight.headers["access-control-allow-methods"] == "POST"
    called = server.post(LIST, token, origin="https://app.example.com", mcp_protocol_version=LEGACY)
    assert called.status_code == 200
    assert called.headers["access-control-allow-origin"] == "https://app.example.com"


@pytest.mark.control("NET-04")
@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_only_post_reaches_the_endpoint(server: ServerProcess, method: str) -> None:
    response = server.http.request(method, "/mcp")
    assert response.status_code == 405
    assert "POST" in response.headers["allow"]


@pytest.mark.control("NET-07")
def test_responses_carry_security_headers_and_no_server_name(server: ServerProcess) -> None:
    headers = server.http.get("/livez").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers


@pytest.mark.control("OPS-02")
@pytest.mark.parametrize(("path", "status"), [("/livez", "ok"), ("/readyz", "ready")])
def test_health_answers_any_host_with_a_constant_body(server: ServerProcess, path: str, status: str) -> None:
    response = server.http.get(path, headers={"host": "10.0.0.7:8000"})
    assert response.json() == {"status": status}


@pytest.mark.control("IN-02")
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":NaN}}', 400, -32700),
        (b"\xff\xfe", 400, -32700),
        (b"[]", 400, -32600),
        (b'{"jsonrpc":"2.0","id":{},"method":"ping"}', 400, -32600),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', 400, -32600),
        (b"[" * 1000 + b"]" * 1000, 400, -32600),
        (b'"' + b"x" * 20_000 + b'"', 413, 413),
    ],
)
def test_a_body_that_is_no_bounded_message_is_refused(
    server: ServerProcess, token: str, body: bytes, status: int, code: int
) -> None:
    headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
    response = server.http.post("/mcp", content=body, headers=headers)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


@pytest.mark.control("IN-02")
def test_another_media_type_is_refused(server: ServerProcess, token: str) -> None:
    headers = {"content-type": "text/plain", "authorization": f"Bearer {token}"}
    assert server.http.post("/mcp", content=json.dumps(LIST).encode(), headers=headers).status_code == 415


@pytest.mark.control("IN-03")
@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("nonsense", {}, -32601),
        ("prompts/get", {"name": "unknown"}, -32602),
        ("resources/read", {"uri": "unknown://1"}, -32602),
        ("resources/read", {"uri": "items://..%2F..%2Fetc%2Fpasswd"}, -32602),
    ],
)
def test_what_does_not_exist_is_an_error(
    server: ServerProcess, token: str, method: str, params: dict[str, Any], code: int
) -> None:
    assert result_of(server.request(method, params, token))["error"]["code"] == code


@pytest.mark.control("IN-04")
def test_headers_that_contradict_the_body_are_refused(server: ServerProcess, token: str) -> None:
    meta = {"io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}}
    response = server.post(message, token, mcp_protocol_version=MODERN, mcp_method="tools/call")
    assert (response.status_code, response.json()["error"]["code"]) == (400, -32020)


@pytest.mark.control("IN-04")
def test_an_unknown_protocol_version_is_told_the_known_ones(server: ServerProcess, token: str) -> None:
    meta = {"io.modelcontextprotocol/protocolVersion": "2099-01-01", "io.modelcontextprotocol/clientCapabilities": {}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}}
    response = server.post(message, token, mcp_protocol_version="2099-01-01", mcp_method="tools/list")
    assert (response.status_code, response.json()["error"]["code"]) == (400, -32022)
    assert MODERN in response.json()["error"]["data"]["supported"]
