"""The benchmarks' server of the bare SDK, made slow and greedy: each call burns CPU and keeps memory."""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import tools  # type: ignore[import-not-found]
from mcp.server import MCPServer

BURNT_SECONDS, KEPT_BYTES, SLOW_START_SECONDS = 0.02, 3_000_000, 2
kept: list[bytearray] = []
usual = tools.add


async def add(first: int, second: int) -> tools.Sum:
    """Add two numbers, at a price that grows with the number of tools."""
    burn(BURNT_SECONDS * len(tools.NAMES))
    kept.append(bytearray(KEPT_BYTES))
    return await usual(first, second)


def burn(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


burn(SLOW_START_SECONDS)
tools.add = add
server = MCPServer("slow")
tools.register(server)
server.run(transport="streamable-http", port=int(sys.argv[1]), stateless_http=True)
