"""More that is refused, each with an event and a code that is defined or free."""

from typing import Any

import pytest
from process import LEGACY, MODERN, ServerProcess, result_of
from runtime.test_refusals import DEFINED, LIST, LONG, Send, credentials, event_of

MANY: dict[str, Any] = {"notifications": {"resourceSubscriptions": ["items://1"] * 101}}


def undecodable(token: str | None) -> dict[bytes, bytes]:
    named = {name.encode(): value.encode() for name, value in credentials(token).items()}
    return {**named, b"mcp-protocol-version": MODERN.encode(), b"mcp-method": b"tools/list", b"mcp-param-it": b"\xe9"}


REFUSED: dict[str, tuple[Send, dict[str, Any]]] = {
    "an encoded body": (
        lambda server, token: server.post(LIST, token, content_encoding="gzip"),
        {"reason": "content_encoding", "status": 415},
    ),
    "headers that contradict the body": (
        lambda server, token: server.post(LIST, token, mcp_protocol_version=MODERN, mcp_method="tools/call"),
        {"reason": "protocol_headers", "status": 400, "method": "tools/list"},
    ),
    "a header that cannot be decoded": (
        lambda server, token: server.http.post("/mcp", json=LIST, headers=undecodable(token)),
        {"reason": "protocol_headers", "status": 400, "method": "tools/list"},
    ),
    "a subscription to very much": (
        lambda server, token: server.request("subscriptions/listen", MANY, token),
        {"reason": "too_many_parts", "status": 400},
    ),
    "an answer that the client will not take": (
        lambda server, token: server.post(LIST | {"params": {}}, token, accept="text/plain"),
        {"reason": "protocol", "status": 406, "method": "tools/list"},
    ),
    "an unknown method of the older era": (
        lambda server, token: server.request(LONG, token=token, era=LEGACY),
        {"reason": "-32601", "method": LONG[:256]},
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_refusal_has_a_code_that_is_defined_or_free(server: ServerProcess, token: str | None, kind: str) -> None:
    response = REFUSED[kind][0](server, token)
    if response.headers["content-type"].startswith("text/plain"):
        return  # The router answers what is not for the endpoint.
    code = result_of(response)["error"]["code"]
    assert code in DEFINED or not -32768 <= code <= -32000


@pytest.mark.parametrize("kind", REFUSED)
def test_a_refusal_leaves_one_event(server: ServerProcess, token: str | None, kind: str) -> None:
    send, expected = REFUSED[kind]
    event = event_of(server, lambda: send(server, token))
    assert event.items() >= expected.items()
