# Managed by the template; updates merge into this file.
"""The refusal of a request over HTTP: whoever finds a reason raises it, and one layer answers."""

import json
from dataclasses import dataclass, field


@dataclass(eq=False)
class RequestRefused(Exception):
    """A request is answered with a refusal, which is recorded under `reason`."""

    status: int
    """The HTTP status; also the JSON-RPC code unless `code` says otherwise, as it is outside the reserved range."""
    reason: str
    """One of a few fixed words: it labels a metric."""
    message: str
    """One sentence for the client; holds nothing that the client did not send or may not know."""
    code: int | None = None
    data: object = None
    """What the JSON-RPC error carries besides."""
    headers: dict[str, str] = field(default_factory=dict)
    detail: str | None = None
    """What only the log and the audit may know."""

    def __str__(self) -> str:
        return self.message

    def answer(self, request_id: object = None) -> tuple[list[tuple[bytes, bytes]], bytes]:
        """The headers and the body: a JSON-RPC error, which belongs to no request unless its id is known."""
        error: dict[str, object] = {"code": self.status if self.code is None else self.code, "message": self.message}
        if self.data is not None:
            error["data"] = self.data
        body = json.dumps({"jsonrpc": "2.0", "id": request_id, "error": error}).encode()
        headers = {"content-type": "application/json", "content-length": str(len(body)), **self.headers}
        return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()], body
