"""A collector that takes whatever telemetry a server sends (OTLP over HTTP), as one stands beside it in production."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

READ_BYTES = 64 * 1024


@contextmanager
def running_collector() -> Iterator[str]:
    """Serve on a free loopback port until the block ends, and yield the address."""
    listener = ThreadingHTTPServer(("127.0.0.1", 0), _Acceptance)
    listener.daemon_threads = True
    thread = threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.server_port}"
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()


class _Acceptance(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        left = int(self.headers.get("Content-Length", "0"))
        while left > 0 and (part := self.rfile.read(min(left, READ_BYTES))):
            left -= len(part)
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- as inherited
        """Print nothing."""
