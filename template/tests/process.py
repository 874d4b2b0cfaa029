# Managed by the template; updates merge into this file.
"""The sample server as a process of its own, as an operator runs it."""

import asyncio
import json
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
from launch import environment

MODERN, LEGACY = "2026-07-28", "2025-11-25"
META: dict[str, Any] = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
}
ASKABLE = META | {"io.modelcontextprotocol/clientCapabilities": {"elicitation": {"form": {}}}}
ACCEPT = "application/json, text/event-stream"
PATIENCE_SECONDS = 180
HASH_KEY = "h" * 32


class ServerProcess:
    """Starts over http with settings from the keyword arguments; `MCP_` is put before their names.

    Unless they say otherwise, its events are in the file `audit`.
    """

    def __init__(
        self, *module: str, wait_for: str = "/readyz", ca: ssl.SSLContext | None = None, **settings: object
    ) -> None:
        self.port = free_port()
        address = "[::1]" if settings.get("host") == "::" else "127.0.0.1"
        self.url = f"{'https' if ca else 'http'}://{address}:{self.port}"
        folder = Path(tempfile.mkdtemp())
        weakref.finalize(self, shutil.rmtree, folder)
        self._stderr, self.audit = folder / "stderr.log", folder / "events.jsonl"
        given = {"environment": "development", "port": self.port, "audit_file": self.audit}
        given |= {"audit_hash_key": HASH_KEY, **settings}
        command = [sys.executable, "-m", *(module or ("sample",))]
        # No pipe: one that nobody reads fills up, and the server then waits to write its log.
        with self._stderr.open("wb") as stderr:
            self._process = subprocess.Popen(command, env=environment(**given), stderr=stderr)
        self.http = httpx2.Client(base_url=self.url, timeout=PATIENCE_SECONDS, verify=ca or True)
        self._wait(wait_for)

    def stop(self) -> int:
        """Send SIGTERM, and return the exit status."""
        self.terminate()
        status = self._process.wait(timeout=PATIENCE_SECONDS)
        self.http.close()
        return status

    def terminate(self) -> None:
        """Send SIGTERM and return at once."""
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a lost machine does."""
        self._process.kill()

    def becomes(self, path: str, status: int, **members: str) -> bool:
        """Whether a path answers with that status before long, and with those members of its document."""

        def answers() -> bool:
            answer = self.http.get(path)
            return answer.status_code == status and (not members or members.items() <= answer.json().items())

        return becomes_true(answers)

    @property
    def log(self) -> str:
        """What it wrote to standard error so far."""
        return self._stderr.read_text(encoding="utf-8")

    def settle(self) -> None:
        """Wait until all that happened before is in the audit, where some of it comes after its answer."""
        mark = f"/{uuid4()}"
        self.http.get(mark)
        assert becomes_true(lambda: mark in self.audit.read_text())

    def refusals(self) -> list[dict[str, Any]]:
        """The refusals in the audit so far."""
        events = map(json.loads, self.audit.read_text().splitlines())
        return [event for event in events if event["event"] == "refusal"]

    def connect(self, first: bytes = b"") -> socket.socket:
        """A plain connection, over which some bytes were sent."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_SECONDS)
        connection.sendall(first)
        return connection

    def listens_no_more(self) -> bool:
        """Whether it takes no new connection before long."""
        return becomes_true(lambda: not _is_open(self.port))

    def post(self, message: dict[str, Any], token: str | None = None, **headers: str) -> httpx2.Response:
        """Send one message; keywords are headers, with hyphens for underscores."""
        return self.http.send(self._write(message, token, **headers))

    def _write(self, message: dict[str, Any], token: str | None, **headers: str) -> httpx2.Request:
        sent = {"accept": ACCEPT, "content-type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            sent["authorization"] = f"Bearer {token}"
        return self.http.build_request("POST", "/mcp", json=message, headers=sent)

    def request(
        self, method: str, params: dict[str, Any] | None = None, token: str | None = None, era: str = MODERN
    ) -> httpx2.Response:
        """Send one request in the form that a protocol revision asks for; metadata of its own wins."""
        return self.http.send(self.prepare(method, params, token, era))

    def prepare(
        self, method: str, params: dict[str, Any] | None = None, token: str | None = None, era: str = MODERN
    ) -> httpx2.Request:
        """What `request` sends."""
        params = dict(params or {})
        headers = {"mcp_protocol_version": era}
        if era == MODERN:
            params.setdefault("_meta", META)
            headers["mcp_method"] = method
            if target := params.get("name") or params.get("uri"):
                headers["mcp_name"] = target
        return self._write({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, token, **headers)

    def call(
        self, tool: str, arguments: dict[str, Any] | None = None, token: str | None = None, era: str = MODERN
    ) -> httpx2.Response:
        """Call a tool."""
        return self.request("tools/call", {"name": tool, "arguments": arguments or {}}, token, era)

    @contextmanager
    def held(
        self, token: str | None = None, era: str = MODERN, tool: str = "hold", **meta: object
    ) -> Iterator["HeldCall"]:
        """A call that has begun, and goes on until it is released; keywords are its metadata."""
        with socket.create_server(("127.0.0.1", 0)) as place, ThreadPoolExecutor() as pool:
            arguments = {"port": place.getsockname()[1]}
            meta |= META if era == MODERN else {}
            params = {"name": tool, "arguments": arguments, "_meta": meta}
            answered = pool.submit(self.request, "tools/call", params, token, era)
            place.settimeout(PATIENCE_SECONDS)
            with place.accept()[0] as begun:
                yield HeldCall(begun, answered)

    def ask(self, token: str | None = None) -> str:
        """The sealed state of a call that asks its person something first."""
        response = self.request("tools/call", {"name": "ask_first", "arguments": {}, "_meta": ASKABLE}, token)
        return str(result_of(response)["result"]["requestState"])

    def answer(self, state: str, token: str | None = None, **changes: Any) -> httpx2.Response:
        """Call again, with the state and an answer."""
        answers = {"sure": {"action": "accept", "content": {"sure": True}}}
        again = {"name": "ask_first", "arguments": {}, "requestState": state, "inputResponses": answers}
        return self.request("tools/call", {**again, "_meta": ASKABLE, **changes}, token)

    @contextmanager
    def listen(self, *uris: str, token: str | None = None) -> Iterator[Iterator[dict[str, Any]]]:
        """Subscribe to resources, and give the messages of the stream as they come."""
        params = {"notifications": {"resourceSubscriptions": list(uris)}, "_meta": META}
        message = {"jsonrpc": "2.0", "id": "listen", "method": "subscriptions/listen", "params": params}
        headers = {"accept": ACCEPT, "mcp-protocol-version": MODERN, "mcp-method": "subscriptions/listen"}
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        with self.http.stream("POST", "/mcp", json=message, headers=headers) as stream:
            yield (json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: "))

    def _wait(self, path: str) -> None:
        def is_settled() -> bool:
            with suppress(httpx2.TransportError):
                return self._process.poll() is not None or self.http.get(path).status_code == 200
            return False

        if becomes_true(is_settled) and self._process.poll() is None:
            return
        self._process.kill()
        raise AssertionError(f"the server did not become ready:\n{self.log}")


@dataclass(frozen=True)
class HeldCall:
    """A call of a tool that connected here when it began, and waits for the end of that."""

    begun: socket.socket
    answered: Future[httpx2.Response]

    def release(self) -> None:
        """Let it go on."""
        self.begun.close()

    def answer(self) -> httpx2.Response:
        """What it gave."""
        return self.answered.result(timeout=PATIENCE_SECONDS)


def bytes_of(request: httpx2.Request) -> bytes:
    """A request as it stands on the wire."""
    fields = b"".join(b"%b: %b\r\n" % field for field in request.headers.raw)
    return b"%b %b HTTP/1.1\r\n%b\r\n%b" % (request.method.encode(), request.url.raw_path, fields, request.content)


def becomes_true(condition: Callable[[], bool]) -> bool:
    """Whether a condition holds before long: on a busy machine, that is long."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (holds := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return holds


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition in an asynchronous test."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.01)


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """A port of loopback that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def messages_of(response: httpx2.Response) -> list[dict[str, Any]]:
    """The JSON-RPC messages of a response, whether one came alone or several as events of a stream."""
    if response.headers["content-type"].startswith("text/event-stream"):
        return [json.loads(line[6:]) for line in response.text.splitlines() if line.startswith("data: ")]
    return [response.json()]


def result_of(response: httpx2.Response) -> dict[str, Any]:
    """The last message of a response, which answers the request."""
    return messages_of(response)[-1]
