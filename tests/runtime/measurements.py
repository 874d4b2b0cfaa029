"""What a call is estimated to cost a model, and the spans of a request that names one of its own."""

import asyncio
from typing import Any

import pytest
from notes_server.runtime.access.principal import Principal
from notes_server.runtime.http.traces import Traces
from opentelemetry import trace
from runtime.test_metrics import SPANS, _points, _telemetry, ask, refusals


def test_what_a_call_costs_a_model_is_estimated_by_tool() -> None:
    def tokens() -> dict[str, float]:
        found = _points("mcp.server.tokens.estimated")
        return {point["direction"]: value for point, value in found if point["gen_ai.tool.name"] == "write_item"}

    ask("tools/call", "write_item", {"text": "x"})
    before = tokens()
    ask("tools/call", "write_item", {"text": "x" * 101})
    assert tokens()["in"] - before["in"] > 25
    assert tokens()["out"] - before["out"] > 25


def test_the_span_that_a_request_names_is_the_parent_of_those_that_serve_it() -> None:
    async def serve(*_: object) -> None:
        trace.get_tracer("tests").start_span("served").end()

    SPANS.clear()
    headers = [(b"traceparent", b"00-" + b"a" * 32 + b"-" + b"c" * 16 + b"-01")]
    asyncio.run(Traces(serve)({"type": "http", "headers": headers}, None, None))  # type: ignore[arg-type]  # not used
    (span,) = SPANS.get_finished_spans()
    assert span.parent
    assert trace.format_span_id(span.parent.span_id) == "c" * 16


@pytest.mark.parametrize(
    "name, arguments, administrative", [("write_item", {"text": "x"}, "false"), ("purge_items", {}, "true")]
)
def test_a_missing_scope_is_counted_by_its_tool(name: str, arguments: dict[str, Any], administrative: str) -> None:
    def denials() -> float:
        wanted = {"gen_ai.tool.name": name, "reason": "insufficient_scope", "administrative": administrative}
        return sum(value for attributes, value in _points("mcp.server.denials") if attributes == wanted)

    ask("tools/call", name, arguments)
    before, denied = refusals(), denials()
    ask("tools/call", name, arguments, by=Principal("issuer", "subject", "client"))
    assert refusals() - before == {"insufficient_scope": 1}
    assert denials() == denied + 1
