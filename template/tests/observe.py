# Managed by the template; updates merge into this file.
"""The calls of the server that `uv run poe dev` runs, as they happen: the end of its audit file, and what is added to it."""

import argparse
import json
import math
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

LAST_BYTES, POLL_SECONDS, BYTES_OF_A_TOKEN = 4_000, 0.1, 4
NAMES = {"tool": "target", "who": "subject", "outcome": "decision"}
ALIKE = ("time", "method", "client", "duration_ms", "reason", "detail", "reference")


def follow(file: Path, seconds: float) -> Iterator[bytes]:
    """The last lines of a file, then those that come within a time; also those of a file that takes its place."""
    until, position, inode, rest = time.monotonic() + seconds, 0, -1, b""
    while time.monotonic() < until:
        with suppress(FileNotFoundError), file.open("rb") as stream:
            found = os.fstat(stream.fileno())
            if found.st_ino != inode or found.st_size < position:
                position, inode, rest = max(0, found.st_size - LAST_BYTES), found.st_ino, b""
            stream.seek(position)
            *lines, rest = (rest + stream.read()).split(b"\n")
            position = stream.tell()
            yield from lines
        time.sleep(POLL_SECONDS)


def describe(event: dict[str, Any]) -> dict[str, Any]:
    """What became of a call or a request. Tokens are estimated: a quarter of the bytes of the JSON."""
    sizes = {"in": event.get("argument_bytes"), "out": event.get("result_bytes")}
    tokens = {f"estimated_tokens_{way}": math.ceil((size or 0) / BYTES_OF_A_TOKEN) for way, size in sizes.items()}
    return {key: event.get(NAMES.get(key, key)) for key in (*ALIKE, *NAMES)} | tokens


def write(call: dict[str, Any]) -> str:
    """A call as a line that a person reads."""
    why = ": ".join(call[key] for key in ("outcome", "reason", "detail") if call[key])
    named = f"{call['time'][11:23]}  {call['tool'] or call['method'] or '-':24} {call['who'] or '-':16}"
    tokens = f"~{call['estimated_tokens_in']} tokens in, ~{call['estimated_tokens_out']} out"
    return f"{named} {call['duration_ms'] or 0:9.1f} ms  {tokens}  {why}"


parser = argparse.ArgumentParser(prog="poe observe", description=__doc__)
parser.add_argument("--json", action="store_true", help="write JSON, an object a line")
parser.add_argument("--seconds", type=float, default=math.inf, help="end after so long")
options, audit = parser.parse_args(), os.environ.get("MCP_AUDIT_FILE")
if not audit or os.environ.get("MCP_ENVIRONMENT") != "development":
    parser.error("MCP_ENVIRONMENT must be development, and MCP_AUDIT_FILE name the file of its audit.")
with suppress(KeyboardInterrupt):
    for line in follow(Path(audit), options.seconds):
        with suppress(ValueError):
            if (event := json.loads(line)).get("event") in ("call", "refusal"):
                print(json.dumps(describe(event)) if options.json else write(describe(event)), flush=True)
