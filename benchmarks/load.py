"""Calls over connections that are kept, written out beforehand, so that the client costs little beside the server."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scaffold.endpoint import Endpoint
from scaffold.proof.wire import Era, modern_headers, modern_params

PATIENCE_SECONDS = 30.0


class CallFailedError(Exception):
    """A call was not answered with a result; the text is what came instead."""


@dataclass(frozen=True)
class Caller:
    """Who calls: with which token and, where the server keeps sessions, in which."""

    token: str
    session: str = ""

    def headers(self) -> list[tuple[str, str]]:
        """What tells the server."""
        session = [("Mcp-Session-Id", self.session)] if self.session else []
        return [("Authorization", f"Bearer {self.token}"), *session]


def written_call(endpoint: Endpoint, era: Era, caller: Caller, tool: str, arguments: dict[str, object]) -> bytes:
    """One `tools/call` as it goes over the wire."""
    params = {"name": tool, "arguments": arguments}
    headers = [("MCP-Protocol-Version", str(era))]
    if era is Era.MODERN:
        headers, params = modern_headers("tools/call", params), modern_params(params)
    return _written(endpoint, [*headers, *caller.headers()], {"id": 1, "method": "tools/call", "params": params})


def open_session(endpoint: Endpoint, token: str) -> str:
    """Initialize, as a client of the older era does, and return the session's identifier.

    Raises:
        CallFailedError: the answer named none.
        OSError: nobody listens.
    """
    caller = Caller(token)
    client = {"name": "benchmark", "version": "1"}
    params = {"protocolVersion": str(Era.LEGACY), "capabilities": {}, "clientInfo": client}
    initialize = _written(endpoint, caller.headers(), {"id": 1, "method": "initialize", "params": params})
    head, _ = asyncio.run(_exchange(endpoint, initialize))
    if not (named := re.search(rb"(?mi)^mcp-session-id: *(\S+)", head)):
        raise CallFailedError(head.decode("utf-8", "replace"))
    session = named[1].decode()
    initialized = _written(
        endpoint, Caller(token, session).headers(), {"method": "notifications/initialized", "params": {}}
    )
    asyncio.run(_exchange(endpoint, initialized))
    return session


def _written(endpoint: Endpoint, particular: Sequence[tuple[str, str]], message: dict[str, object]) -> bytes:
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    headers = [
        *particular,
        ("Host", endpoint.host),
        ("Content-Type", "application/json"),
        ("Accept", "application/json, text/event-stream"),
        ("Content-Length", str(len(body))),
    ]
    lines = [f"POST {endpoint.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode() + body


def send_calls(endpoint: Endpoint, calls: Sequence[bytes], connections: int) -> list[float]:
    """Send all calls over so many connections at once, and return how long each took in seconds.

    Raises:
        CallFailedError: one was not answered with a result.
    """

    async def send() -> list[float]:
        waiting = iter(calls)
        parts = await asyncio.gather(*(_converse(endpoint, waiting) for _ in range(connections)))
        return [seconds for part in parts for seconds in part]

    return asyncio.run(send())


async def _exchange(endpoint: Endpoint, request: bytes) -> tuple[bytes, bytes]:
    """One request over a connection of its own."""
    reader, writer = await asyncio.open_connection(endpoint.address, endpoint.port)
    try:
        writer.write(request)
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await _read_answer(reader)
    finally:
        writer.close()


async def _converse(endpoint: Endpoint, waiting: Iterator[bytes]) -> list[float]:
    """Send what waits, one after the other, over one connection."""
    reader, writer = await asyncio.open_connection(endpoint.address, endpoint.port)
    taken: list[float] = []
    try:
        for call in waiting:
            begin = time.perf_counter()
            writer.write(call)
            async with asyncio.timeout(PATIENCE_SECONDS):
                head, body = await _read_answer(reader)
            taken.append(time.perf_counter() - begin)
            if b" 200 " not in head[:16] or b'"result"' not in body or b'"isError":true' in body:
                raise CallFailedError((head.partition(b"\r\n")[0] + b" " + body[:300]).decode("utf-8", "replace"))
    finally:
        writer.close()
    return taken


async def _read_answer(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:] if b":" in line)
    if b"content-length" in fields:
        return head, await reader.readexactly(int(fields[b"content-length"]))
    if b"transfer-encoding" not in fields:
        return head, b""
    body = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readexactly(2)
    return head, body
