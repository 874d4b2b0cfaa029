"""What the specification demands of messages and answers, on the wire."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no types
from process import ASKABLE, LEGACY, META, MODERN, ServerProcess, messages_of, result_of

LOG_LEVEL = "io.modelcontextprotocol/logLevel"


DIALECT = "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("era", [MODERN, LEGACY])
def test_a_notification_is_accepted_with_202_and_no_body(server: ServerProcess, token: str, era: str) -> None:
    message = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
    response = server.post(message, token, mcp_protocol_version=era, mcp_method="notifications/cancelled")
    assert (response.status_code, response.content) == (202, b"")


def test_headers_of_sessions_and_resumption_mean_nothing(server: ServerProcess, token: str) -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "read_item", "arguments": {}}}
    response = server.post(call, token, mcp_protocol_version=LEGACY, mcp_session_id="stale", last_event_id="7")
    assert result_of(response)["result"]["isError"] is False
    assert "mcp-session-id" not in response.headers


def test_a_question_is_a_result_and_no_request_of_the_servers(server: ServerProcess, token: str) -> None:
    params = {"name": "ask_first", "arguments": {}, "_meta": ASKABLE}
    messages = messages_of(server.request("tools/call", params, token))
    assert [message["result"]["resultType"] for message in messages] == ["input_required"]


def test_a_client_hears_what_a_tool_logs_only_if_it_names_a_level(server: ServerProcess, token: str) -> None:
    for meta, heard in ((META, 0), (META | {LOG_LEVEL: "error"}, 0), (META | {LOG_LEVEL: "info"}, 1)):
        messages = messages_of(server.request("tools/call", {"name": "say", "arguments": {}, "_meta": meta}, token))
        assert [message.get("method") for message in messages] == ["notifications/message"] * heard + [None]
        assert [message["params"]["data"] for message in messages[:heard]] == ["what is going on"] * heard


def test_a_structured_result_has_the_shape_that_the_tool_declares(server: ServerProcess, token: str) -> None:
    tools = result_of(server.request("tools/list", token=token))["result"]["tools"]
    (schema,) = (tool["outputSchema"] for tool in tools if tool["name"] == "read_item")
    assert (schema["required"], schema["properties"]["text"]["type"]) == (["text"], "string")
    (text,) = result_of(server.call("read_item", token=token))["result"]["structuredContent"].values()
    assert isinstance(text, str)


def test_every_schema_is_one_of_the_dialect_that_holds_where_none_is_named(server: ServerProcess, token: str) -> None:
    tools = result_of(server.request("tools/list", token=token))["result"]["tools"]
    for schema in (tool[side] for tool in tools for side in ("inputSchema", "outputSchema") if side in tool):
        assert schema.get("$schema", DIALECT) == DIALECT
        Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("era", [MODERN, LEGACY])
@pytest.mark.parametrize("tool", ["read_item", "nonsense"])
def test_an_answer_before_which_nothing_is_said_is_json(server: ServerProcess, token: str, era: str, tool: str) -> None:
    response = server.call(tool, token=token, era=era)
    assert response.headers["content-type"] == "application/json"
    assert response.json()["id"] == 1
    assert response.status_code == (400 if (tool, era) == ("nonsense", MODERN) else 200)


@pytest.mark.parametrize("era", [MODERN, LEGACY])
def test_what_is_said_before_an_answer_makes_it_a_stream(server: ServerProcess, token: str, era: str) -> None:
    meta = {"progressToken": "mine"} | (META | {LOG_LEVEL: "info"} if era == MODERN else {})
    response = server.request("tools/call", {"name": "say", "arguments": {}, "_meta": meta}, token, era)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["x-accel-buffering"] == "no", "a proxy would hold it back"
    progress, log, answer = messages_of(response)
    assert progress["params"] == {"progressToken": "mine", "progress": 1, "total": 2, "message": "half done"}
    assert (log["method"], log["params"]["data"]) == ("notifications/message", "what is going on")
    assert (answer["id"], answer["result"]["isError"]) == (1, False)


@pytest.mark.parametrize("era", [MODERN, LEGACY])
@pytest.mark.parametrize("accept", ["application/json", "text/event-stream", "application/json, text/plain"])
def test_a_client_must_accept_both_kinds_of_answer(server: ServerProcess, token: str, era: str, accept: str) -> None:
    call = {"name": "read_item", "arguments": {}, "_meta": META if era == MODERN else {}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    routing = {"mcp_method": "tools/call", "mcp_name": "read_item", "mcp_protocol_version": era}
    assert server.post(message, token, **routing, accept=accept).status_code == 406
    for both in ("*/*", "text/event-stream;q=0.5, Application/*"):
        assert server.post(message, token, **routing, accept=both).status_code == 200


def test_a_resource_that_exists_has_contents(server: ServerProcess, token: str) -> None:
    read = result_of(server.request("resources/read", {"uri": "items://1"}, token))
    assert [content["text"] for content in read["result"]["contents"]] == ["item 1"]
