"""The address of a server, as a URL names it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Endpoint:
    """Where an MCP endpoint is reached, the Host under which it is addressed, and how many seconds it may be silent."""

    secure: bool
    address: str
    port: int
    host: str
    path: str
    trust: str | None = None
    patience: float | None = None
    hear: Callable[[bytes], None] | None = None
    """Is given each part of an answer's body as it comes."""

    @classmethod
    def at(cls, url: str) -> Endpoint:
        """The endpoint that a URL names; raises `ValueError` for anything but an http or https URL."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is no http or https URL")
        if parts.username or parts.query or parts.fragment:
            raise ValueError("the URL may hold no user, query or fragment")
        secure = parts.scheme == "https"
        return cls(secure, parts.hostname, parts.port or (443 if secure else 80), parts.netloc, parts.path or "/")

    @property
    def url(self) -> str:
        """The address under which clients know it."""
        return f"{'https' if self.secure else 'http'}://{self.host}{self.path}"

    @property
    def on_loopback(self) -> bool:
        """Whether it is on this machine, by its address."""
        return self.address in ("localhost", "::1") or self.address.startswith("127.")
