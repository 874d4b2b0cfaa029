# Managed by the template; updates merge into this file.
"""What is counted, by the OpenTelemetry API: it costs nothing until a telemetry SDK is configured."""

from opentelemetry import metrics

_meter = metrics.get_meter("mcp.server")

_duration = _meter.create_histogram(
    "mcp.server.operation.duration",
    unit="s",
    description="Duration of a request or notification as seen by the receiver.",
    explicit_bucket_boundaries_advisory=[0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300],
)
_refusals = _meter.create_counter("mcp.server.refusals", description="Requests refused, by reason.")


def observe_operation(seconds: float, method: str, target: str | None, error: str | None) -> None:
    """Record one finished request. `target` must be a registered name, so that clients cannot add series."""
    attributes = {"mcp.method.name": method}
    if target is not None:
        attributes["gen_ai.tool.name" if method == "tools/call" else "mcp.target"] = target
    if error is not None:
        attributes["error.type"] = error
    _duration.record(seconds, attributes)


def count_refusal(reason: str) -> None:
    """Count one refusal under its fixed word."""
    _refusals.add(1, {"reason": reason})
