"""An AWS account with nothing in it, on loopback: who asks is told so, and what was asked is kept."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CALLER = (
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
    "<Arn>arn:aws:iam::123456789012:user/test</Arn><UserId>test</UserId><Account>123456789012</Account>"
    "</GetCallerIdentityResult></GetCallerIdentityResponse>"
)
MISSING = json.dumps({"__type": "ResourceNotFoundException", "Message": "There is no such secret."})


@dataclass(frozen=True)
class EmptyAccount:
    """Where it listens, and the operations that it was asked for."""

    url: str
    asked: list[str] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """What makes a client ask here, and once."""
        return {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": self.url,
            "AWS_MAX_ATTEMPTS": "1",
        }


class _Answers(BaseHTTPRequestHandler):
    account: EmptyAccount

    def do_GET(self) -> None:
        self.account.asked.append(f"Get{self.path}")
        self._answer(403, "{}")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        target = self.headers.get("X-Amz-Target", "")
        operation = target.partition(".")[2] or body.partition("&")[0].removeprefix("Action=")
        self.account.asked.append(operation)
        if operation == "GetCallerIdentity":
            self._answer(200, CALLER)
        else:
            self._answer(400, MISSING if target.startswith("secretsmanager.") else "{}")

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/xml" if text.startswith("<") else "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Nothing: the operations are kept."""


@contextmanager
def empty_account() -> Iterator[EmptyAccount]:
    """Serve one until the block ends."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as server:
        account = _Answers.account = EmptyAccount(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield account
        server.shutdown()
