"""Headers that are written in several ways, empty or encoded."""

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
