"""The port of the metrics: those that scrape are slow, or it is taken."""

import socket
from contextlib import ExitStack

import httpx2
import pytest
from notes_server.runtime.observability.metrics_port import serve_metrics
from notes_server.runtime.settings import Settings
from notes_server.runtime.startup import ConfigurationError
from process import PATIENCE_SECONDS
from runtime.test_metrics import serving


def test_those_that_scrape_slowly_keep_nobody_out() -> None:
    with serving() as (_, metrics_url), ExitStack() as connections:
        place = ("127.0.0.1", httpx2.URL(metrics_url).port or 0)
        slow = [connections.enter_context(socket.create_connection(place, timeout=PATIENCE_SECONDS)) for _ in range(40)]
        for connection in slow:
            connection.sendall(b"GET /metrics HTTP/1.1\r\n")
        scraped = httpx2.get(f"{metrics_url}/metrics", timeout=PATIENCE_SECONDS)
        assert slow[0].recv(12) == b"HTTP/1.1 503"
    assert scraped.status_code == 200
    assert "server" not in scraped.headers


def test_a_port_for_metrics_that_is_taken_keeps_the_server_from_starting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = Settings.model_validate({"environment": "development", "metrics_port": taken.getsockname()[1]})
        with pytest.raises(ConfigurationError, match="MCP_METRICS_PORT"):
            serve_metrics(settings)
