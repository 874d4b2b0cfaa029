# Managed by the template; updates merge into this file.
"""The audit trail: one JSON event a line for each call and each refusal.

Run as a module with a file's name, it verifies that file's hash chain.
"""

import hashlib
import hmac
import json
import logging
import secrets
import sys
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from logging.handlers import TimedRotatingFileHandler
from pathlib import Path
from typing import Any, Protocol

from .logs import current_reference, current_trace_id
from .principal import Principal
from .settings import Settings

GENESIS = "0" * 64


class AuditTrail:
    """Writes events in order; with a chain, each carries the hash of the one before it."""

    def __init__(self, settings: Settings) -> None:
        self._logger = logging.Logger("audit")
        self._logger.addHandler(_open_handler(settings))
        self._arguments = _ARGUMENTS[settings.audit_arguments](settings)
        self._chained = settings.audit_hash_chain
        self._last = _last_hash(settings)

    def record(self, event: str, principal: Principal | None, **facts: object) -> None:
        """Write one event; facts that are `None` are left out. Arguments go through their classification."""
        if "arguments" in facts:
            facts["arguments"] = self._arguments(facts["arguments"])
        entry: dict[str, object] = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "event": event,
            "reference": current_reference() or None,
            "trace_id": current_trace_id(),
            "issuer": principal and principal.issuer,
            "subject": principal and principal.subject,
            "client": principal and principal.client_id,
            **facts,
        }
        present = {key: value for key, value in entry.items() if value is not None}
        if self._chained:
            present = chain(present, self._last)
            self._last = str(present["hash"])
        self._logger.info(json.dumps(present, default=str))


class _Classify(Protocol):
    def __call__(self, arguments: object) -> object: ...


def _show(_: Settings) -> _Classify:
    return lambda arguments: arguments


def _drop(_: Settings) -> _Classify:
    return lambda arguments: None


def _hash(settings: Settings) -> _Classify:
    configured = settings.audit_hash_key
    key = configured.get_secret_value().encode() if configured else secrets.token_bytes(32)

    def hash_each(arguments: object) -> object:
        if not isinstance(arguments, Mapping):
            return None
        return {
            name: hmac.new(key, json.dumps(value, sort_keys=True).encode(), hashlib.sha256).hexdigest()[:32]
            for name, value in arguments.items()
        }

    return hash_each


_ARGUMENTS = {"shown": _show, "hashed": _hash, "dropped": _drop}


def chain(entry: Mapping[str, object], previous: str) -> dict[str, object]:
    """The entry with the previous event's hash and its own, over its canonical JSON."""
    linked = {**entry, "previous": previous}
    return {**linked, "hash": _digest(linked)}


def verify(lines: Iterable[str]) -> int:
    """Check a hash chain and return how many events it holds.

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


def _open_handler(settings: Settings) -> logging.Handler:
    if settings.audit_file is None:
        return logging.StreamHandler(sys.stderr)
    return TimedRotatingFileHandler(
        settings.audit_file, when="midnight", utc=True, backupCount=settings.audit_retention_days, encoding="utf-8"
    )


def _last_hash(settings: Settings) -> str:
    """Where an existing file's chain goes on after a restart."""
    if settings.audit_file is None or not settings.audit_file.exists():
        return GENESIS
    with settings.audit_file.open(encoding="utf-8") as lines:
        last = deque(lines, maxlen=1)
    return str(json.loads(last[0]).get("hash", GENESIS)) if last else GENESIS


def main() -> None:
    """Verify the file named on the command line; exit 1 where its chain is broken."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m <package>.runtime.audit FILE")
    try:
        with Path(sys.argv[1]).open(encoding="utf-8") as lines:
            print(f"{verify(lines)} events, chain intact")
    except (OSError, ValueError) as error:
        sys.exit(f"{sys.argv[1]}: {error}")


if __name__ == "__main__":
    main()
