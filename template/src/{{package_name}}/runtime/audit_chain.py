# Managed by the template; updates merge into this file.
"""The hash chain of the audit trail. Run as a module with a file's name, it verifies that file."""

import hashlib
import json
import sys
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .errors import ConfigurationError

GENESIS = "0" * 64


class Chain:
    """Gives each event the hash of the one before it, and goes on where an existing file ends."""

    def __init__(self, file: Path | None) -> None:
        self._last = _last_hash(file)

    def link(self, entry: Mapping[str, object]) -> dict[str, object]:
        """The entry with the previous event's hash and its own, over its canonical JSON."""
        linked = {**entry, "previous": self._last}
        self._last = _digest(linked)
        return {**linked, "hash": self._last}


def verify(lines: Iterable[str]) -> int:
    """Check a chain and return how many events it holds; its first line may go on from a rotated file.

    Raises:
        ValueError: naming the first line at which it is broken.
    """
    previous, number = None, 0
    for number, line in enumerate(lines, start=1):
        entry: dict[str, Any] = json.loads(line)
        claimed = entry.pop("hash", None)
        if claimed != _digest(entry) or (previous is not None and entry.get("previous") != previous):
            raise ValueError(f"line {number}: the event was changed, removed or inserted")
        previous = claimed
    return number


def _digest(entry: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(entry, sort_keys=True, default=str).encode()).hexdigest()


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
    """Verify the file named on the command line; exit 1 where its chain is broken."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m <package>.runtime.audit_chain FILE")
    try:
        with Path(sys.argv[1]).open(encoding="utf-8") as lines:
            print(f"{verify(lines)} events, chain intact")
    except (OSError, ValueError) as error:
        sys.exit(f"{sys.argv[1]}: {error}")


if __name__ == "__main__":
    main()
