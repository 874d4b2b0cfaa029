# Managed by the template; updates merge into this file.
"""The hash chain of the audit trail. Run as a module with the names of files, it verifies them in that order.

It shows that events, or in a file whole chains between others, were changed, removed, inserted or moved. Without
`MCP_AUDIT_CHAIN_KEY` it shows that of accidents and of careless hands only, as whoever can rewrite all of it can compute
it anew. A cut end shows as a chain that is neither closed nor alive; what it cannot show is the loss of the last events
within one heartbeat, of whole chains at the end, and of all that is older than a chain that begins anew. On a stream
every chain does, so there a missing whole chain is not seen. Where retention deleted the oldest files, `--partial`
accepts that the first chain goes on from what is not given, and no other one; a part of a stream is verified one process
at a time.
"""

import hashlib
import hmac
import json
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from threading import Lock
from typing import Any

from .errors import ConfigurationError

GENESIS = "0" * 64
HEARTBEAT_SECONDS = 60.0
NO_KEY = ", as far as a chain without a key can tell"


class Chain:
    """Gives each event its number and a hash over itself and the hash of the one before it.

    A chain belongs to one process, so that the lines of several can be told apart in one stream. In a file it goes on
    from the last event of the chain before it.
    """

    def __init__(self, file: Path | None, key: bytes | None) -> None:
        self._name = token_hex(8)
        self._key = key
        self._last = _last_hash(file)
        self._number = 0
        self._lock = Lock()

    def append(self, entry: Mapping[str, object], write: Callable[[str], None]) -> None:
        """Write the entry as the next line of the chain."""
        with self._lock:
            linked = {**entry, "chain": self._name, "number": self._number, "previous": self._last}
            self._last = digest(linked, self._key)
            self._number += 1
            write(json.dumps({**linked, "hash": self._last}, default=str))


@dataclass(slots=True)
class Account:
    """What was found of one chain."""

    first: int
    last: int
    hash: str
    time: str
    ended: bool = False
    """Its server closed it, or a later chain goes on from its last event."""
    cut: bool = False
    """It goes on from an event that was not given."""


def verify(lines: Iterable[str], key: bytes | None = None) -> dict[str, Account]:
    """Check every chain in a stream, whatever else stands between its lines, and give an account of each.

    Only the first may go on from an event that is not given: its account says so.

    Raises:
        ValueError: naming the first line at which a chain is broken.
    """
    chains: dict[str, Account] = {}
    seen = {GENESIS}
    for line_number, entry in _events(lines):
        claimed = entry.pop("hash", None)
        if not hmac.compare_digest(str(claimed), digest(entry, key)):
            raise ValueError(f"line {line_number}: the event was changed, or hashed with another key")
        name, number, previous = str(entry["chain"]), int(entry["number"]), str(entry["previous"])
        known = chains.get(name)
        if known and (number, previous) != (known.last + 1, known.hash):
            raise ValueError(f"line {line_number}: an event before it was removed, inserted or moved")
        cut = known.cut if known else number != 0 or previous not in seen
        if not known:
            if cut and chains:
                raise ValueError(f"line {line_number}: what its chain goes on from was removed or moved")
            for earlier in chains.values():
                earlier.ended |= earlier.hash == previous
        first, ended = known.first if known else number, entry["event"] == "closed"
        chains[name] = Account(first, number, str(claimed), str(entry["time"]), ended, cut)
        seen.add(str(claimed))
    return chains


def digest(entry: Mapping[str, object], key: bytes | None) -> str:
    """The hash of an event's canonical JSON: HMAC with a key, plain without one."""
    text = json.dumps(entry, sort_keys=True, default=str).encode()
    return hmac.new(key, text, hashlib.sha256).hexdigest() if key else hashlib.sha256(text).hexdigest()


def _events(lines: Iterable[str]) -> Iterable[tuple[int, dict[str, Any]]]:
    """The lines that belong to a chain; logs may stand between them."""
    for line_number, line in enumerate(lines, start=1):
        if line.startswith("{"):
            entry = json.loads(line)
            if "chain" in entry:
                yield line_number, entry


def _last_hash(file: Path | None) -> str:
    if file is None or not file.exists():
        return GENESIS
    with file.open(encoding="utf-8") as lines:
        last = deque(lines, maxlen=1)
    try:
        return str(json.loads(last[0])["hash"]) if last else GENESIS
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{file} ends with a broken audit event: move it away.") from error


def main() -> None:
    """Verify the files named on the command line; exit 1 where a chain is broken, cut or none is found."""
    key = _read_key()
    names = [name for name in sys.argv[1:] if name != "--partial"]
    try:
        texts = [Path(name).read_text(encoding="utf-8") for name in names]
        chains = verify("".join(texts).splitlines(), key)
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.exit(f"not verified: {error}")
    if not chains:
        sys.exit("usage: python -m <package>.runtime.audit_chain [--partial] FILE..., with a chain, oldest first")
    for name, found in chains.items():
        start = "; what came before is not here" if found.cut else ""
        end = "" if found.ended else f"; open since {found.time}: its server runs, was killed, or lost its last events"
        print(f"chain {name}: events {found.first} to {found.last}{start}{end}")
    cut = any(found.cut for found in chains.values())
    if cut and "--partial" not in sys.argv:
        sys.exit("not verified: what came before is not here: name older files too, or accept a part: --partial")
    print("intact" + (" in the part that is here" if cut else "") + ("" if key else NO_KEY))


def _read_key() -> bytes | None:
    file = os.environ.get("MCP_AUDIT_CHAIN_KEY_FILE")
    text = Path(file).read_text(encoding="utf-8").strip() if file else os.environ.get("MCP_AUDIT_CHAIN_KEY", "")
    return text.encode() or None


if __name__ == "__main__":
    main()
