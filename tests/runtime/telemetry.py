"""A collector that is away: the server says nothing of it in development, and ends as soon without it."""

import json
import socket
import subprocess
import sys
from importlib.util import find_spec
from inspect import signature
from typing import Any

import pytest
from launch import environment
from notes_server.runtime.observability.telemetry import configure_telemetry
from notes_server.runtime.settings import load_settings
from notes_server.runtime.startup import ConfigurationError

pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="nothing is sent to a collector")
TRANSPORTS = [transport for transport in ("stdio", "http") if find_spec(f"notes_server.runtime.{transport}")]
PARAMS = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
INITIALIZE = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": PARAMS}
PATIENCE = 180


def log_until_end(transport: str, collector: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let the server serve one request and end, with its collector at that port of loopback; its log."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "false")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", str(2 * PATIENCE))
    command = ["notes_server", "--transport", transport]
    if transport == "http":
        return log_over_http(*command)
    program, sent = [sys.executable, "-m", *command], f"{json.dumps(INITIALIZE)}\n"
    settings = environment(environment="development")
    return subprocess.run(
        program, input=sent, env=settings, capture_output=True, text=True, timeout=PATIENCE, check=False
    ).stderr


def log_over_http(*command: str) -> str:
    process = pytest.importorskip("process", reason="serves no http")
    ports = {"metrics_port": process.free_port()}
    server = process.ServerProcess(*command, wait_for="/livez", auth_issuer="http://127.0.0.1:9", **ports)
    server.http.get("/mcp")
    assert server.stop() == 0
    return str(server.log)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_where_nobody_listens_nothing_is_said_in_development(transport: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        log = log_until_end(transport, closed.getsockname()[1], monkeypatch)
    assert "opentelemetry" not in log
    assert "Traceback" not in log


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_silent_collector_does_not_hold_up_the_end(transport: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        log_until_end(transport, silent.getsockname()[1], monkeypatch)
        silent.settimeout(PATIENCE)
        silent.accept()[0].close()


@pytest.mark.parametrize(
    "name, value",
    [
        ("BSP_EXPORT_TIMEOUT", "-1"),
        ("BSP_MAX_QUEUE_SIZE", "10000000"),
        ("EXPORTER_OTLP_CERTIFICATE", "/nowhere/certificate.pem"),
        ("EXPORTER_OTLP_ENDPOINT", "hidden@127.0.0.1:4318"),
        ("EXPORTER_OTLP_ENDPOINT", "http://[::1"),
        ("EXPORTER_OTLP_HEADERS", "hidden"),
        ("EXPORTER_OTLP_METRICS_TIMEOUT", "-1"),
        ("EXPORTER_OTLP_TIMEOUT", "nan"),
        ("EXPORTER_OTLP_TIMEOUT", "soon"),
        ("EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"),
        ("METRIC_EXPORT_INTERVAL", "1e30"),
        ("METRIC_EXPORT_INTERVAL", "nan"),
        ("METRIC_EXPORT_TIMEOUT", "0"),
        ("SPAN_EVENT_COUNT_LIMIT", "1" + "0" * 30),
    ],
)
def test_what_every_export_would_fail_on_is_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    configure: Any = configure_telemetry  # it asks for the transport where that decides on a port
    monkeypatch.setenv(f"OTEL_{name}", value)
    with pytest.raises(ConfigurationError, match=f"OTEL_{name} must be ") as refused:
        configure(*(load_settings(), "stdio")[: len(signature(configure).parameters)])
    assert value not in str(refused.value).partition(" must be ")[2].split()
