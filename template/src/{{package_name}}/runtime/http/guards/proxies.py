# Managed by the template; updates merge into this file.
"""Whom a request comes from, where proxies stand before the server."""

import ipaddress
from collections.abc import Iterable, Sequence
from functools import lru_cache

from pydantic import IPvAnyNetwork
from starlette.types import ASGIApp, Receive, Scope, Send


class Proxies:
    """Makes the client of a request whom the outermost proxy was called from.

    Each of `hops` proxies appends to X-Forwarded-For the address that it was called from. Counted from its end, what a
    client wrote there itself is never reached, whatever its address. It is read from `networks` only, and where it is
    shorter or holds something else, the client stays the one that connects.
    """

    def __init__(self, app: ASGIApp, networks: Sequence[IPvAnyNetwork], hops: int) -> None:
        self._app = app
        self._hops = hops
        self._is_proxy = lru_cache(maxsize=1_000)(lambda address: _is_within(address, networks))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        if client and self._is_proxy(client[0]) and (address := self._find_outermost(scope["headers"])):
            scope["client"] = (address, 0)
        await self._app(scope, receive, send)

    def _find_outermost(self, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
        lists = [value.decode("latin-1") for name, value in headers if name == b"x-forwarded-for"]
        appended = ",".join(lists).split(",")[-self._hops :]
        return _read_address(appended[0]) if len(appended) == self._hops else None


def _is_within(address: str, networks: Sequence[IPvAnyNetwork]) -> bool:
    parsed = _read_address(address)
    return parsed is not None and any(ipaddress.ip_address(parsed) in network for network in networks)


def _read_address(text: str) -> str | None:
    """An address as proxies write it: some add a port, and IPv6 with one stands in brackets."""
    host = text.strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        parsed = ipaddress.ip_address(host)
    except ValueError:
        return None
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)
