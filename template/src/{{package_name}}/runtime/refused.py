# Managed by the template; updates merge into this file.
"""The refusal of a request over HTTP: whoever finds a reason raises it, and one layer answers."""

from dataclasses import dataclass, field


@dataclass(eq=False)
class Refused(Exception):
    """A request is answered with a refusal, which is recorded under `reason`."""

    status: int
    """The HTTP status; also the JSON-RPC code unless `code` says otherwise, as it is outside the reserved range."""
    reason: str
    """One of a few fixed words: it labels a metric."""
    message: str
    """One sentence for the client; holds nothing that the client did not send or may not know."""
    code: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    detail: str | None = None
    """What only the log and the audit may know."""

    def __str__(self) -> str:
        return self.message
