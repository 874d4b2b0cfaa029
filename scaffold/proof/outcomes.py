"""The ways in which a probe ends that does not see what it expects."""

from __future__ import annotations


class ProbeOutcome(Exception):  # noqa: N818 -- it ends a probe, no command
    """A probe ends here. The text says what was seen, or why nothing could be.

    Attributes:
        log: The last lines of the server that was started for this probe alone.
    """

    def __init__(self, seen: str, log: str = "") -> None:
        super().__init__(seen)
        self.log = log


class Deviation(ProbeOutcome):
    """The server did something else than what is expected of it."""


class Skip(ProbeOutcome):
    """The question cannot be asked of this server."""


class NotStarted(ProbeOutcome):
    """What the lock holds does not install, or what was installed does not become a server."""


class WireError(ProbeOutcome):
    """The server closed the connection, was silent too long, or did not speak HTTP or JSON-RPC."""
