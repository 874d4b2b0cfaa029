# Managed by the template; updates merge into this file.
"""The client of calls to other services: one pool of connections, and a pause for a host that keeps failing."""

import ipaddress
import logging
import socket
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import anyio
import httpcore2
import httpx2
import stamina
from circuitbreaker import CircuitBreaker  # type: ignore[import-untyped]

from ..settings import Settings
from .errors import EgressPausedError, EgressRefusedError, UpstreamFailedError

logger = logging.getLogger(__name__)

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
ATTEMPTS = 3
FAILURES_UNTIL_PAUSE, PAUSE_SECONDS = 5, 30
MAX_RESPONSE_BYTES = 5_000_000
_OF_THE_WIRE = frozenset({"content-encoding", "content-length", "transfer-encoding"})
_TRANSLATED = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))
"""Addresses that lead to an IPv4 address inside them."""


class Egress:
    """One pool of connections; redirects are not followed, so that none leads off the list."""

    def __init__(self, settings: Settings) -> None:
        self._hosts = frozenset(settings.egress_allowed_hosts)
        self._private_hosts = frozenset(settings.egress_private_hosts)
        self._timeout = settings.egress_timeout_seconds
        transport = httpx2.AsyncHTTPTransport()
        transport._pool = httpcore2.AsyncConnectionPool(
            ssl_context=httpx2.create_ssl_context(),
            max_connections=100,
            keepalive_expiry=30,
            network_backend=CheckedAddresses(self._private_hosts),
        )
        self._client = httpx2.AsyncClient(transport=transport, timeout=self._timeout, trust_env=False)
        self._breakers: defaultdict[str, CircuitBreaker] = defaultdict(
            lambda: CircuitBreaker(FAILURES_UNTIL_PAUSE, PAUSE_SECONDS, UpstreamFailedError)
        )

    async def request(self, method: str, url: str, **options: Any) -> httpx2.Response:
        """Send a request, and again with growing pauses where that cannot do harm; options are those of httpx.

        Raises:
            EgressRefusedError: the URL, or what its name resolves to, is not one that this server may call.
            UpstreamFailedError: there was no answer in time, it was too large, or the last was a 429 or 5xx.
            EgressPausedError: that happened too often lately.
        """
        host = self._allowed_host(url)
        attempts = ATTEMPTS if method.upper() in IDEMPOTENT else 1
        async for attempt in stamina.retry_context(on=UpstreamFailedError, attempts=attempts, wait_max=2):
            with attempt:
                return await self._send_unless_paused(host, method, url, options)
        raise AssertionError("the last attempt returns or raises")

    def _allowed_host(self, url: str) -> str:
        parsed = httpx2.URL(url)
        if parsed.host not in self._hosts | self._private_hosts:
            raise _refusal(f"{parsed.host!r} is not in MCP_EGRESS_ALLOWED_HOSTS.")
        if parsed.scheme != "https" and parsed.host not in self._private_hosts:
            raise _refusal(f"{parsed.host!r} is called over https only.")
        return parsed.host

    async def _send_unless_paused(self, host: str, method: str, url: str, options: dict[str, Any]) -> httpx2.Response:
        breaker = self._breakers[host]
        if breaker.opened:
            raise EgressPausedError(f"{host!r} keeps failing and is left alone for a while.")
        response: httpx2.Response = await breaker.call_async(self._send, method, url, options)
        return response

    async def _send(self, method: str, url: str, options: dict[str, Any]) -> httpx2.Response:
        try:
            with anyio.fail_after(self._timeout):
                async with self._client.stream(method, url, **options) as response:
                    body = bytearray()
                    async for part in response.aiter_bytes():
                        body += part
                        if len(body) > MAX_RESPONSE_BYTES:
                            raise UpstreamFailedError(f"{url}: more than {MAX_RESPONSE_BYTES} bytes")
        except (httpx2.TransportError, TimeoutError) as error:
            raise UpstreamFailedError(f"{url}: {error or type(error).__name__}") from error
        if response.status_code == 429 or response.status_code >= 500:
            raise UpstreamFailedError(f"{url}: answered {response.status_code}")
        kept = [(name, value) for name, value in response.headers.multi_items() if name.lower() not in _OF_THE_WIRE]
        return httpx2.Response(response.status_code, headers=kept, content=bytes(body), request=response.request)


class CheckedAddresses(httpcore2.AsyncNetworkBackend):
    """Resolves a name once for each connection and connects to what it checked, so that no second answer counts."""

    def __init__(self, private_hosts: frozenset[str]) -> None:
        self._private_hosts = private_hosts
        self._backend = httpcore2.AnyIOBackend()

    async def connect_tcp(self, host: str, port: int, *args: Any, **options: Any) -> httpcore2.AsyncNetworkStream:
        try:
            found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpcore2.ConnectError(str(error)) from error
        addresses = [str(address[0]) for *_, address in found]
        if host not in self._private_hosts and (refused := [each for each in addresses if not is_public(each)]):
            raise _refusal(f"{host!r} resolves to {refused[0]}, which is not public.")
        return await self._connect_to_any(addresses, port, *args, **options)

    async def _connect_to_any(
        self, addresses: Iterable[str], port: int, *args: Any, **options: Any
    ) -> httpcore2.AsyncNetworkStream:
        problem: Exception = httpcore2.ConnectError("no address")
        for address in addresses:
            try:
                return await self._backend.connect_tcp(address, port, *args, **options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                problem = error
        raise problem


def _refusal(reason: str) -> EgressRefusedError:
    """The error, logged here: whatever a tool makes of it, an operator sees where a call would have gone."""
    logger.warning("A call to another service was refused: %s", reason)
    return EgressRefusedError(reason)


def is_public(address: str) -> bool:
    """Whether an address is reached over the internet, and not on this machine, this network or its metadata service."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    translated = parsed.version == 6 and any(parsed in network for network in _TRANSLATED)
    return parsed.is_global and not parsed.is_multicast and not translated
