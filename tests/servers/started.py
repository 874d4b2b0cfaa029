"""Programs that serve while a test runs, and rendered repositories among them."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from scaffold.commands.new import Request, create
from scaffold.rendered.repository import RenderedRepository
from scaffold.toolchain.installation import Installation, install

TRAPS = {
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9"),
    "ALL_PROXY": "socks5://127.0.0.1:9",
    "OTEL_PROPAGATORS": "b3",
    "SSL_CERT_FILE": "/nowhere/certificates.pem",
    "WEB_CONCURRENCY": "3",
}
"""What an environment may hold although it leads whatever runs on loopback astray."""

FOREIGN = ("MCP_", "OTEL_", "VIRTUAL_ENV", "PYTHONPATH")


@contextmanager
def started(
    command: Sequence[str],
    url: str,
    log: Path,
    environment: Mapping[str, str] | None = None,
    *,
    seconds: float = 60,
    trust: ssl.SSLContext | None = None,
) -> Iterator[None]:
    """Run a command until the block ends, once `url` answers with 200; its log is part of every failure to start."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env={**inherited, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait(process, url, time.monotonic() + seconds, trust, log)
        yield
    finally:
        _end(process)


def render_locked(destination: Path, *answers: str) -> Path:
    """Render a repository from this checkout, locked and committed, and return where it is."""
    request = Request(
        destination=destination,
        preset=None,
        assignments=answers,
        data_file=None,
        defaults=True,
        plan=False,
        json=True,
        lock=True,
        prove=False,
        git=True,
    )
    assert create(request) == 0
    return destination


def install_rendered(folder: Path, *answers: str) -> Installation:
    """Render a repository and install it from its lock, outside its tree."""
    repository = render_locked(folder / "repository", "project_name=Notes Server", *answers)
    return install(RenderedRepository(repository), folder)


def free_port() -> int:
    """A port of loopback that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], url: str, deadline: float, trust: ssl.SSLContext | None, log: Path) -> None:
    seen = "no answer"
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5, context=trust):
                return
        except (urllib.error.URLError, OSError) as error:
            seen = str(error)
        time.sleep(0.05)
    raise AssertionError(f"{url}: {seen}\n{log.read_text(encoding='utf-8', errors='replace')[-4000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)
