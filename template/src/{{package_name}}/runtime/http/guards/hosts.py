# Managed by the template; updates merge into this file.
"""Host and Origin: the defence against DNS rebinding, and the answer to a browser's preflight."""

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv6Address

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import RequestRefused
from ..headers import single_headers
from ..refusals import add_missing

_ALLOWED_METHODS = b"POST"
_ALLOWED_HEADERS = ("authorization", "content-type", "accept", "mcp-protocol-version", "mcp-method", "mcp-name")
_PARAMETER = re.compile(r"mcp-param-[a-z0-9-]{1,64}")
_EXPOSED_HEADERS = ("www-authenticate", "retry-after")
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]+):?([0-9]*|\*)")


class Hosts:
    """Refuses a foreign Host with 421 and a foreign Origin with 403; an absent Origin passes.

    `scheme` is of the public URL: its default port may be written or not, as case and a final dot may differ.
    `open_paths` answer any Host: kubelets and load balancers send addresses. They refuse a foreign Origin too.
    `session_headers` are those that a browser may send and read where there are sessions.
    """

    def __init__(
        self,
        app: ASGIApp,
        hosts: Sequence[str],
        origins: Sequence[str],
        scheme: str,
        open_paths: frozenset[str],
        session_headers: Sequence[str] = (),
    ) -> None:
        self._app = app
        self._scheme = scheme
        self._hosts = frozenset(_normal_host(host, scheme) for host in hosts)
        self._origins = frozenset(_normal_origin(origin) for origin in origins)
        self._open_paths = open_paths
        self._allowed_headers = (*_ALLOWED_HEADERS, *session_headers)
        self._exposed_headers = ", ".join((*_EXPOSED_HEADERS, *session_headers)).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = single_headers(scope, b"host", b"origin")
        if scope["path"] not in self._open_paths:
            self._check_host(headers.get("host", ""))
        origin = headers.get("origin")
        if origin is None:
            await self._app(scope, receive, send)
            return
        if _normal_origin(origin) not in self._origins:
            raise RequestRefused(403, "foreign_origin", "This origin may not call.")
        if scope["method"] == "OPTIONS":
            wanted = single_headers(scope, b"access-control-request-headers")
            await self._answer_preflight(send, origin, wanted.get("access-control-request-headers", ""))
            return
        cors = self._cors(origin)
        try:
            await self._app(scope, receive, _with_headers(send, cors))
        except RequestRefused as refused:
            refused.headers |= {name.decode(): value.decode("latin-1") for name, value in cors}
            raise

    def _check_host(self, host: str) -> None:
        name = _normal_host(host, self._scheme)
        if name not in self._hosts and f"{_without_port(name)}:*" not in self._hosts:
            raise RequestRefused(421, "foreign_host", "This server does not answer for that host.")

    async def _answer_preflight(self, send: Send, origin: str, wanted: str) -> None:
        parameters = [name for part in wanted.lower().split(",") if _PARAMETER.fullmatch(name := part.strip())]
        headers = [
            *self._cors(origin),
            (b"access-control-allow-methods", _ALLOWED_METHODS),
            (b"access-control-allow-headers", ", ".join([*self._allowed_headers, *parameters]).encode()),
            (b"access-control-max-age", b"600"),
        ]
        await send({"type": "http.response.start", "status": 204, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    def _cors(self, origin: str) -> list[tuple[bytes, bytes]]:
        return [
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-expose-headers", self._exposed_headers),
            (b"vary", b"Origin"),
        ]


@lru_cache(maxsize=1_000)
def _normal_host(host: str, scheme: str) -> str:
    """The one form of a host and port (RFC 3986 section 6.2); what is neither stays, and is like nothing that is allowed."""
    parts = _AUTHORITY.fullmatch(host.lower())
    if parts is None:
        return host
    name, port = parts[1].removesuffix("."), parts[2]
    if name.startswith("["):
        try:
            name = f"[{IPv6Address(name[1:-1]).compressed}]"
        except ValueError:
            return host
    return name if port in ("", _DEFAULT_PORTS.get(scheme)) else f"{name}:{port}"


def _normal_origin(origin: str) -> str:
    scheme, separator, host = origin.lower().partition("://")
    return f"{scheme}{separator}{_normal_host(host, scheme)}"


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def _with_headers(send: Send, headers: list[tuple[bytes, bytes]]) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = add_missing(message.get("headers", ()), headers)
        await send(message)

    return send_with_headers
