# Managed by the template; updates merge into this file.
"""The calls of the server that `uv run poe dev` runs, as they happen: the last of its audit file, and what is added."""

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

LAST_EVENTS, LAST_BYTES = 10, 100_000
"""What is shown of the time before, as `tail` does."""
POLL_SECONDS = 0.1
BYTES_OF_A_TOKEN = 4
NOTHING = "it shows a development server that writes its audit to a file: MCP_ENVIRONMENT and MCP_AUDIT_FILE say which."


def follow(file: Path, seconds: float) -> Iterator[bytes]:
    """The last lines of a file, then those that come within a time; also those of a file that takes its place."""
    until = time.monotonic() + seconds
    position, rest, inode, is_following = 0, b"", -1, False
    while time.monotonic() < until:
        with suppress(FileNotFoundError), file.open("rb") as stream:
            found = os.fstat(stream.fileno())
            if found.st_ino != inode or found.st_size < position:
                position = 0 if is_following else max(0, found.st_size - LAST_BYTES)
                rest, inode = b"", found.st_ino
            stream.seek(position)
            *lines, rest = (rest + stream.read()).split(b"\n")
            position = stream.tell()
            yield from lines if is_following else lines[-LAST_EVENTS:]
        is_following = True
        time.sleep(POLL_SECONDS)


def describe(event: Mapping[str, Any]) -> dict[str, Any]:
    """What became of a call or a request; tokens are an estimate, a quarter of the bytes of the JSON."""
    tokens = {way: event.get(f"{what}_bytes") for way, what in (("in", "argument"), ("out", "result"))}
    return {
        "time": event.get("time"),
        "tool": event.get("target"),
        "method": event.get("method"),
        "who": event.get("subject"),
        "client": event.get("client"),
        "duration_ms": event.get("duration_ms"),
        "outcome": event.get("decision"),
        "reason": event.get("reason"),
        "detail": event.get("detail"),
        **{f"estimated_tokens_{way}": size and math.ceil(size / BYTES_OF_A_TOKEN) for way, size in tokens.items()},
        "reference": event.get("reference"),
    }


def write(call: Mapping[str, Any]) -> str:
    """A call as a line that a person reads."""
    why = ": ".join(str(call[key]) for key in ("outcome", "reason", "detail") if call[key])
    took = f"{call['duration_ms'] or 0:9.1f} ms  ~{call['estimated_tokens_in'] or 0} > ~{call['estimated_tokens_out'] or 0} tokens"
    return f"{call['time'][11:23]}  {call['tool'] or call['method'] or '-':24}  {call['who'] or '-':16}  {took}  {why}"


def main() -> None:
    """Show each call until interrupted, or for the seconds asked for; exit 2 where there is no development server."""
    parser = argparse.ArgumentParser(prog="poe observe", description=__doc__)
    parser.add_argument("--json", action="store_true", help="write JSON, an object a line")
    parser.add_argument("--seconds", type=float, default=math.inf, help="end after so long")
    options = parser.parse_args()
    file = os.environ.get("MCP_AUDIT_FILE")
    if not file or os.environ.get("MCP_ENVIRONMENT") != "development":
        parser.error(NOTHING)
    if not Path(file).exists():
        print(f"{file} is not there yet: `uv run poe dev` writes it.", file=sys.stderr)
    with suppress(KeyboardInterrupt):
        for line in follow(Path(file), options.seconds):
            with suppress(ValueError):
                event = json.loads(line)
                if event.get("event") in ("call", "refusal"):
                    print(json.dumps(describe(event)) if options.json else write(describe(event)), flush=True)


if __name__ == "__main__":
    main()
