"""A server with the weakness that its first argument names; it starts at once, as it needs no library.

careless   does what it is asked, whoever asks, whatever is wrong with it; prints to standard output, never ends
mute       starts, and answers every question with an error
fickle     lists its tools in another order each time, and calls none of them
unguarded  asks for scopes, and forgets the second factor
lazy       is never ready
dead       ends at once, with a last word
jammed     finds its port taken, the first time
twisted    answers with JSON of no shape that anybody expects
noisy      answers with what is neither HTTP nor JSON
fertile    starts a child that outlives its parent
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

WEAKNESS = sys.argv[1]
MODERN = "2026-07-28"
TOOLS = [
    {
        "name": "read_all",
        "annotations": {"readOnlyHint": True},
        "inputSchema": {"type": "object", "properties": {"limit": {"type": "integer"}}},
    },
    {"name": "purge", "inputSchema": {"type": "object"}},
]
DIRECTIONS = itertools.cycle((1, -1) if WEAKNESS == "fickle" else (1,))
SCOPES = {"read_all": "mcp:read", "purge": "mcp:admin"}


def result_of(method: str, params: dict[str, object]) -> dict[str, object]:
    """What a server that looks at nothing answers."""
    if WEAKNESS == "twisted":
        return {"tools": [1, None, {"name": []}], "supportedVersions": 7, "capabilities": [], "_meta": 3, "content": 1}
    common = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"}
    if method == "initialize":
        return {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "weak", "version": "0"}}
    if method == "server/discover":
        about = {"io.modelcontextprotocol/serverInfo": {"name": "weak"}}
        return {**common, "supportedVersions": [MODERN], "capabilities": {}, "_meta": about}
    if method == "tools/list":
        return {**common, "tools": TOOLS[:: next(DIRECTIONS)]}
    return {**common, "content": [], "isError": False, "echo": params.get("name")}


class Handler(BaseHTTPRequestHandler):
    """Answers as the weakness has it."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        health = self.path in ("/readyz", "/livez")
        if WEAKNESS == "lazy":
            self.answer(503, {"status": "unavailable"})
        elif WEAKNESS == "mute":
            # Ready for whoever starts it, and dead to everybody else.
            known = not self.headers["Host"].startswith("10.")
            self.answer(200 if self.path == "/readyz" and known else 500, {})
        elif WEAKNESS == "twisted" and not health:
            self.answer(200, ["resource", None])
        elif health:
            self.answer(200, {"status": "ok"})
        elif "oauth-protected-resource" in self.path:
            self.answer(200, {"resource": "https://other.example.com", "scopes_supported": ["offline_access"]})
        else:
            self.answer(200, {})

    def do_DELETE(self) -> None:
        self.answer(200, {})

    def do_OPTIONS(self) -> None:
        self.answer(200, {}, {"Access-Control-Allow-Origin": "*"})

    def do_POST(self) -> None:
        message = self.read_message()
        if WEAKNESS == "mute":
            return self.answer(500, {"jsonrpc": "2.0", "id": None, "error": {"code": -32603, "message": "no"}})
        if WEAKNESS == "noisy":
            self.wfile.write(b"\x00\x01 not HTTP\r\n\r\n")
            self.close_connection = True
            return None
        method = str(message.get("method"))
        params = message.get("params") or {}
        if method == "subscriptions/listen":
            return self.hold()
        if WEAKNESS == "unguarded" and method == "tools/call" and not self.holds(SCOPES.get(params["name"], "")):
            challenge = (
                f'Bearer error="insufficient_scope", scope="{SCOPES.get(params["name"], "")}", resource_metadata="x"'
            )
            return self.answer(403, {}, {"WWW-Authenticate": challenge})
        answer: dict[str, object] = {"jsonrpc": "2.0", "id": message.get("id")}
        if WEAKNESS == "fickle" and method == "tools/call":
            answer["error"] = {"code": -32603, "message": "no"}
        else:
            answer["result"] = result_of(method, params)
        return self.answer(200, answer, {"Mcp-Session-Id": "guessable"})

    def holds(self, scope: str) -> bool:
        """Whether the token names the scope; its signature is of no interest here."""
        payload = self.headers.get("Authorization", "").partition(".")[2].partition(".")[0]
        claims = json.loads(base64.urlsafe_b64decode(payload + "==") or b"{}") if payload else {}
        return scope in str(claims.get("scope", "")).split()

    def hold(self) -> None:
        """Open a stream, and leave it open."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        acknowledged = {"jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged"}
        self.wfile.write(b"data: %b\n\n" % json.dumps(acknowledged).encode())
        self.wfile.flush()
        time.sleep(60)

    def read_message(self) -> dict[str, Any]:
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                self.rfile.read(size + 2)
            self.rfile.readline()
            return {}
        length = int(self.headers.get("Content-Length", "0"))
        try:
            message = json.loads(self.rfile.read(length if length < 1_000_000 else 1))
        except (ValueError, RecursionError):
            return {}
        return message if isinstance(message, dict) else {}

    def answer(self, status: int, document: object, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- as inherited
        """Say nothing."""


def serve_http() -> None:
    if WEAKNESS == "dead":
        sys.exit("Traceback: no module named anything")
    if WEAKNESS == "jammed" and not (marker := Path(os.environ["WEAK_NOTE_FILE"])).exists():
        marker.touch()
        sys.exit("OSError: [Errno 98] Address already in use")
    if WEAKNESS == "fertile":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
        Path(os.environ["WEAK_NOTE_FILE"]).write_text(str(child.pid), encoding="utf-8")
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["MCP_PORT"])), Handler).serve_forever()


def serve_stdio() -> None:
    print("Welcome to the weak server!", flush=True)
    if WEAKNESS == "dead":
        sys.exit(3)
    for line in sys.stdin:
        message = json.loads(line)
        if WEAKNESS == "noisy":
            print("garbage", flush=True)
        elif "id" in message:
            reply: dict[str, object] = {"jsonrpc": "2.0", "id": message["id"]}
            if WEAKNESS == "mute":
                reply["error"] = {"code": -32603, "message": "no"}
            else:
                reply["result"] = result_of(message["method"], message.get("params") or {})
            print(json.dumps(reply), flush=True)
    time.sleep(60 if WEAKNESS == "careless" else 0)


if __name__ == "__main__":
    serve_http() if sys.argv[3] == "http" else serve_stdio()
