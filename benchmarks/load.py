"""Calls over connections that are kept, written out beforehand, so that the client costs little beside the server."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Sequence

from scaffold.proof.wire import Endpoint, Era, modern_headers, modern_params

PATIENCE_SECONDS = 30.0


class CallFailedError(Exception):
    """A call was not answered with a result; the text is what came instead."""


def written_call(endpoint: Endpoint, era: Era, token: str | None, tool: str, arguments: dict[str, object]) -> bytes:
    """One `tools/call` as it goes over the wire."""
    params = {"name": tool, "arguments": arguments}
    headers = [("MCP-Protocol-Version", str(era))]
    if era is Era.MODERN:
        headers, params = modern_headers("tools/call", params), modern_params(params)
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()
    headers += [
        ("Host", endpoint.host),
        ("Content-Type", "application/json"),
        ("Accept", "application/json, text/event-stream"),
        ("Content-Length", str(len(body))),
        *([("Authorization", f"Bearer {token}")] if token else []),
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
    body = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readexactly(2)
    return head, body
