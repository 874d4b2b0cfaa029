"""A collector of OpenTelemetry that keeps what servers push to it over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass
class Collected:
    """What came so far: spans, the names of metrics, and the attributes of the resource that they are of."""

    spans: list[Span] = field(default_factory=list)
    metrics: set[str] = field(default_factory=set)
    resource: dict[str, str] = field(default_factory=dict)

    def take_traces(self, body: bytes) -> None:
        """Keep the spans of an export."""
        for each in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.resource |= {pair.key: pair.value.string_value for pair in each.resource.attributes}
            self.spans += [span for scope in each.scope_spans for span in scope.spans]

    def take_metrics(self, body: bytes) -> None:
        """Keep the metrics' names of an export."""
        for each in ExportMetricsServiceRequest.FromString(body).resource_metrics:
            self.metrics |= {metric.name for scope in each.scope_metrics for metric in scope.metrics}


@contextmanager
def running_collector() -> Iterator[tuple[str, Collected]]:
    """A collector on loopback: its address, and what it gets."""
    collected = Collected()
    takes = {"/v1/traces": collected.take_traces, "/v1/metrics": collected.take_metrics}

    class Takes(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            takes[self.path](self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Takes)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", collected
    finally:
        server.shutdown()
        server.server_close()
