# Managed by the template; updates merge into this file.
"""What is measured, by the OpenTelemetry API and its conventions for MCP: no cost until a telemetry SDK is configured."""

from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp_types import METHOD_NOT_FOUND
from opentelemetry import metrics, trace

OTHER = "_OTHER"
"""Stands for every name that only a client knows: it could otherwise add series without end."""
TARGETS = {"tools/call": "gen_ai.tool.name", "prompts/get": "gen_ai.prompt.name"}

_meter = metrics.get_meter("mcp.server")
_tracer = trace.get_tracer("mcp.server")

_duration = _meter.create_histogram(
    "mcp.server.operation.duration",
    unit="s",
    description="MCP request or notification duration as observed on the receiver.",
    explicit_bucket_boundaries_advisory=[0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300],
)
_refusals = _meter.create_counter("mcp.server.refusals", description="Requests refused, by reason.")


def observe_audit(missed: Callable[[], int], is_written: Callable[[], bool]) -> None:
    """Count the audit events that were not written, and say whether they are now (1) or not (0)."""
    _meter.create_observable_counter(
        "mcp.server.audit.missed",
        [lambda _: [metrics.Observation(missed())]],
        description="Audit events that could not be written and were given up.",
    )
    _meter.create_observable_gauge(
        "mcp.server.audit.written",
        [lambda _: [metrics.Observation(int(is_written()))]],
        description="Whether audit events reach their place.",
    )


def describe_operation(
    ctx: ServerRequestContext[Any, Any], target: str | None, known: Container[str], error: str | None
) -> dict[str, str]:
    """The attributes of a finished request, by the conventions; names count only if they are known to the server."""
    attributes = {
        "mcp.method.name": ctx.method if error != str(METHOD_NOT_FOUND) else OTHER,
        "mcp.protocol.version": ctx.protocol_version,
        "network.transport": "pipe" if ctx.request is None else "tcp",
    }
    if ctx.method == "tools/call":
        attributes["gen_ai.operation.name"] = "execute_tool"
    if target is not None and ctx.method in TARGETS:
        attributes[TARGETS[ctx.method]] = target if target in known else OTHER
    if error is not None:
        attributes["error.type"] = error
        if error.lstrip("-").isdigit():
            attributes["rpc.response.status_code"] = error
    return attributes


def observe_operation(seconds: float, attributes: Mapping[str, str]) -> None:
    """Record one finished request, and say the same on its span, whose names the SDK takes from the client as they are."""
    _duration.record(seconds, attributes)
    span = trace.get_current_span()
    if not span.is_recording():
        return
    names = [attributes["mcp.method.name"], *(attributes[key] for key in TARGETS.values() if key in attributes)]
    span.update_name(" ".join(names))
    span.set_attributes(attributes)


def count_refusal(reason: str) -> None:
    """Count one refusal, of a request or of a call inside one, under its fixed word."""
    _refusals.add(1, {"reason": reason})


@contextmanager
def observe_refusal(reason: str, status: int) -> Iterator[None]:
    """Count the refusal of a request that became no call, and give what says so a span, and thereby a trace, of its own."""
    count_refusal(reason)
    attributes: dict[str, str | int] = {"error.type": reason, "http.response.status_code": status}
    with _tracer.start_as_current_span("refusal", kind=trace.SpanKind.SERVER, attributes=attributes) as span:
        span.set_status(trace.StatusCode.ERROR)
        yield
