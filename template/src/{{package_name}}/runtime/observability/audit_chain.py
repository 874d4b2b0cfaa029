# Managed by the template; updates merge into this file.
"""The hash chain of the audit trail. Run as a module with the names of files, it verifies them in that order.

It shows that events, or in a file whole chains between others, were changed, removed, inserted or moved. Without
`MCP_AUDIT_CHAIN_KEY` it shows that of accidents and of careless hands only, as whoever can rewrite all of it can compute
it anew. A cut end shows as a chain that is neither closed nor alive; what it cannot show is the loss of the last events
within one heartbeat, of whole chains at the end, and of all that is older than a chain that begins anew. On a stream
every chain does, so there a missing whole chain is not seen. Where retention deleted the oldest files, `--partial`
accepts that the first chain goes on from what is not given, and no other one; a part of a stream is verified one process
at a time.

Of what says who it was and what they sent, the chain covers a salted commitment alone: `audit_erasure` can take that and
the salt away, and nobody else can without the key. How many events were erased is told.
"""

import hashlib
import hmac
import json
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

GENESIS = "0" * 64
HEARTBEAT_SECONDS = 60.0
END_BYTES = 1_000_000
"""Of a file, enough to hold its last event."""
PERSONAL = ("subject", "person", "peer", "arguments")
"""What an erasure removes."""
NO_KEY = ", as far as a chain without a key can tell"


class Chain:
    """Gives each event its number and a hash over itself and the hash of the one before it.

    A chain belongs to one process, so that the lines of several can be told apart in one stream. In a file it goes on
    from the last event of the chain before it.
    """

    def __init__(self, file: Path | None, key: bytes | None) -> None:
        self._name = token_hex(8)
        self._key = key
        self._last, self._torn = _end_of(file)
        self._number = 0

    def link(self, entry: Mapping[str, object]) -> str:
        """The entry as the next line of the chain."""
        torn = {"torn": self._torn} if self._torn else {}
        salt = token_hex(32)
        torn |= {"salt": salt, "commitment": commitment(entry, salt)} if entry.keys() & PERSONAL else {}
        linked = {**entry, **torn, "chain": self._name, "number": self._number, "previous": self._last}
        self._last, self._torn = digest(linked, self._key), ""
        self._number += 1
        return json.dumps({**linked, "hash": self._last}, default=str)


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
    missed: int = 0
    """So many events could not be written, as its own events say."""
    erased: int = 0
    """So many lost what was personal."""


def verify(lines: Iterable[str], key: bytes | None = None) -> dict[str, Account]:
    """Check every chain in a stream, whatever else stands between its lines, and give an account of each.

    Only the first may go on from an event that is not given: its account says so.

    Raises:
        ValueError: naming the first line at which a chain is broken.
    """
    chains: dict[str, Account] = {}
    seen = {GENESIS}
    torn: tuple[int, str] | None = None
    for line_number, entry in _events(lines):
        if "fragment" in entry:
            _check_explained(torn)
            torn = line_number, str(entry["fragment"])
            continue
        if torn and torn[1] == entry.get("torn"):
            torn = None
        _check_explained(torn)
        claimed = entry.pop("hash", None)
        if not hmac.compare_digest(str(claimed), digest(entry, key)):
            raise ValueError(f"line {line_number}: the event was changed, or hashed with another key")
        if not _bears_its_commitment(entry, str(claimed), key):
            raise ValueError(f"line {line_number}: what is personal was changed, or removed by other means")
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
        first, ended = known.first if known else number, entry["event"] in ("closed", "erased")
        missed = (known.missed if known else 0) + int(entry.get("missed", 0))
        erased = (known.erased if known else 0) + ("erased" in entry)
        chains[name] = Account(first, number, str(claimed), str(entry["time"]), ended, cut, missed, erased)
        seen.add(str(claimed))
    return chains


def _check_explained(torn: tuple[int, str] | None) -> None:
    if torn:
        raise ValueError(f"line {torn[0]}: it is torn, and the next event does not say so")


def digest(entry: Mapping[str, object], key: bytes | None) -> str:
    """The hash of an event's canonical JSON, with its commitment for what is personal: HMAC with a key, plain without one."""
    apart = {*PERSONAL, "salt", "erased"} if "commitment" in entry else ()
    text = _canonical({name: value for name, value in entry.items() if name not in apart})
    return hmac.new(key, text, hashlib.sha256).hexdigest() if key else hashlib.sha256(text).hexdigest()


def commitment(entry: Mapping[str, object], salt: str) -> str:
    """What stands for the personal facts of an event, and tells nothing of them without the salt."""
    personal = {name: entry[name] for name in PERSONAL if name in entry}
    return hmac.new(salt.encode(), _canonical(personal), hashlib.sha256).hexdigest()


def tombstone(of: str, key: bytes | None) -> str:
    """What an erasure leaves in the event with a hash."""
    return digest({"erased": of}, key)


def _bears_its_commitment(entry: Mapping[str, object], claimed: str, key: bytes | None) -> bool:
    if "erased" in entry:
        return entry["erased"] == tombstone(claimed, key) and not entry.keys() & {*PERSONAL, "salt"}
    return "commitment" not in entry or entry["commitment"] == commitment(entry, str(entry.get("salt")))


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, default=str).encode()


def _events(lines: Iterable[str]) -> Iterable[tuple[int, dict[str, Any]]]:
    """The lines that belong to a chain, and fragments of lines; logs may stand between them."""
    for line_number, line in enumerate(lines, start=1):
        if line.startswith("{"):
            try:
                entry = json.loads(line)
            except ValueError:
                entry = {"fragment": _name_fragment(line.encode())}
            if "chain" in entry or "fragment" in entry:
                yield line_number, entry


def _name_fragment(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()[:16]


def _end_of(file: Path | None) -> tuple[str, str]:
    """The hash of a file's last event, and a name for what a killed process began to write after it, if it did."""
    if file is None or not file.is_file():
        return GENESIS, ""
    with file.open("rb") as content:
        content.seek(max(0, file.stat().st_size - END_BYTES))
        *whole, rest = content.read().split(b"\n")
    hashes = (found for line in reversed([*whole, rest]) if (found := _hash_in(line)))
    torn = _name_fragment(rest) if rest and not _hash_in(rest) else ""
    return next(hashes, GENESIS), torn


def _hash_in(line: bytes) -> str:
    try:
        return str(json.loads(line)["hash"])
    except (ValueError, KeyError, TypeError):
        return ""


def main() -> None:
    """Verify the files named on the command line; exit 1 where a chain is broken, cut or none is found."""
    key = read_key("MCP_AUDIT_CHAIN_KEY")
    names = [name for name in sys.argv[1:] if name != "--partial"]
    try:
        texts = [Path(name).read_text(encoding="utf-8") for name in names]
        chains = verify("".join(texts).splitlines(), key)
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.exit(f"not verified: {error}")
    if not chains:
        sys.exit(
            "usage: python -m <package>.runtime.observability.audit_chain [--partial] FILE..., with a chain, oldest first"
        )
    for name, found in chains.items():
        start = "; what came before is not here" if found.cut else ""
        end = "" if found.ended else f"; open since {found.time}: its server runs, was killed, or lost its last events"
        gap = f"; {found.missed} more could not be written" if found.missed else ""
        erased = f"; {found.erased} of them erased" if found.erased else ""
        print(f"chain {name}: events {found.first} to {found.last}{erased}{gap}{start}{end}")
    cut = any(found.cut for found in chains.values())
    if cut and "--partial" not in sys.argv:
        sys.exit("not verified: what came before is not here: name older files too, or accept a part: --partial")
    print("intact" + (" in the part that is here" if cut else "") + ("" if key else NO_KEY))


def read_key(variable: str) -> bytes | None:
    """A key from the environment, or from the file that it names."""
    file = os.environ.get(f"{variable}_FILE")
    text = Path(file).read_text(encoding="utf-8").strip() if file else os.environ.get(variable, "")
    return text.encode() or None


if __name__ == "__main__":
    main()
