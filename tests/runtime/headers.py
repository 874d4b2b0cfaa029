"""Headers that are written in several ways, empty or encoded."""

import base64
import json
from typing import Any

import pytest
from process import LEGACY, META, MODERN, ServerProcess
from runtime.test_http import LIST


@pytest.mark.parametrize("era", [MODERN, LEGACY])
@pytest.mark.parametrize("written", ["Application/JSON", 'application/json;charset="UTF-8"', "application/json ; a=b"])
def test_equal_forms_of_headers_are_equal(server: ServerProcess, token: str, era: str, written: str) -> None:
    sent = server.request("tools/call", {"name": "read_item", "arguments": {}}, token, era).request
    changed = {"content-type": written, "content-encoding": "Identity", "accept": "Application/*, TEXT/*;q=0.5"}
    assert server.http.post("/%6dcp", content=sent.content, headers=sent.headers | changed).status_code == 200


@pytest.mark.parametrize(
    "name, status",
    [("host", 421), ("origin", 403), ("content_type", 415), ("mcp_protocol_version", 400), ("mcp_session_id", 200)],
)
def test_an_empty_header_says_nothing_that_is_allowed(
    server: ServerProcess, token: str, name: str, status: int
) -> None:
    assert server.post(LIST, token, **{"mcp_protocol_version": LEGACY, name: ""}).status_code == status


def test_a_name_in_base64_is_held_against_the_body_decoded(server: ServerProcess, token: str) -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "read_item", "_meta": META}}
    for encoded, status in (("=?base64?cmVhZF9pdGVt?=", 200), ("=?base64?d3JpdGVfaXRlbQ==?=", 400)):
        headers = {"mcp_protocol_version": MODERN, "mcp_method": "tools/call", "mcp_name": encoded}
        assert server.post(message, token, **headers).status_code == status


@pytest.mark.parametrize("header", [("content-type", "application/json"), ("origin", "https://app.example.com")])
def test_a_header_that_could_be_read_in_two_ways_is_refused(
    server: ServerProcess, token: str, header: tuple[str, str]
) -> None:
    headers = [header, header, ("authorization", f"Bearer {token}")]
    assert server.http.post("/mcp", content=json.dumps(LIST).encode(), headers=headers).status_code == 400


def test_an_unknown_protocol_version_is_told_the_known_ones(server: ServerProcess, token: str) -> None:
    future = META | {"io.modelcontextprotocol/protocolVersion": "2099-01-01"}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": future}}
    response = server.post(message, token, mcp_protocol_version="2099-01-01", mcp_method="tools/list")
    assert (response.status_code, response.json()["error"]["code"]) == (400, -32022)
    assert MODERN in response.json()["error"]["data"]["supported"]


@pytest.mark.parametrize(
    "header, status",
    [
        ({"mcp_param_region": "north"}, 200),
        ({"mcp_param_region": f"=?base64?{base64.b64encode(b'north').decode()}?="}, 200),
        ({"mcp_param_region": "south"}, 400),
        ({}, 400),
    ],
    ids=["same", "encoded", "another", "missing"],
)
def test_an_argument_that_a_header_repeats_is_the_same_there(
    server: ServerProcess, token: str, header: dict[str, str], status: int
) -> None:
    params = {"name": "find", "arguments": {"region": "north"}, "_meta": META}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    headers = {"mcp_protocol_version": MODERN, "mcp_method": "tools/call", "mcp_name": "find", **header}
    response = server.post(call, token, **headers)
    assert response.status_code == status
    assert ("-32020" in response.text) == (status == 400)
