"""A server that ends TLS: what keeps it from starting, what does not delay its end, and the image's look at it."""

import ssl
import subprocess
import sys
import time
from pathlib import Path

import pytest
from notes_server.runtime.http.tls import load_certificate
from notes_server.runtime.settings import Settings
from notes_server.runtime.startup import ConfigurationError
from process import ServerProcess, free_port
from runtime.test_tls import BEGUN, GET, await_end, client, files, secure, server, start


@pytest.mark.parametrize("key", ["missing.key", "ca.crt"])
def test_a_certificate_without_its_key_keeps_the_server_from_starting(files: Path, key: str) -> None:
    settings = Settings(environment="development", tls_cert_file=files / "tls.crt", tls_key_file=files / key)
    with pytest.raises(ConfigurationError, match="MCP_TLS_KEY_FILE"):
        load_certificate(settings)


@pytest.mark.usefixtures("server")
def test_no_client_delays_the_end_by_what_it_does_not_say(files: Path, client: ssl.SSLContext) -> None:
    ending = start(files, client_timeout_seconds=300)
    with ending.connect(), ending.connect(BEGUN), ending.connect(GET) as failed, secure(ending, client) as idle:
        await_end(failed)
        idle.sendall(GET)
        assert idle.recv(100)
        started = time.monotonic()
        assert ending.stop() == 0
    assert time.monotonic() - started < 30, "nobody waits for the grace time"


def test_the_health_check_of_the_image_ends_with_what_it_found(server: ServerProcess, files: Path) -> None:
    def run(port: int) -> int:
        environment = {"MCP_PORT": str(port), "MCP_TLS_CERT_FILE": str(files / "tls.crt")}
        command = [sys.executable, "-m", "notes_server.runtime.http.health_probe"]
        return subprocess.run(command, env=environment, check=False).returncode

    assert (run(server.port), run(free_port())) == (0, 1)
