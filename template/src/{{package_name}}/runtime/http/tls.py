# Managed by the template; updates merge into this file.
"""TLS at the server itself, below a connection that counts from its first byte."""

import asyncio
import ssl
from asyncio.sslproto import SSLProtocol
from typing import Any

from ..settings import Settings
from ..startup import ConfigurationError
from .connections import BoundedConnection, ConnectionLimits
from .errors import RequestRefused


def load_certificate(settings: Settings) -> ssl.SSLContext | None:
    """TLS 1.3 with the certificate of the settings; None where a gateway speaks TLS instead.

    Raises:
        ConfigurationError: the files do not hold a certificate and its key.
    """
    if settings.tls_cert_file is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_cert_chain(settings.tls_cert_file, settings.tls_key_file)
    except OSError as error:  # of which what is wrong with TLS is a kind
        raise ConfigurationError(f"MCP_TLS_CERT_FILE and MCP_TLS_KEY_FILE cannot be used: {error}") from error
    return context


def accept(limits: ConnectionLimits, **given: Any) -> asyncio.BaseProtocol:
    """What speaks with a new client; uvicorn gives the rest of a connection's arguments."""
    connection = BoundedConnection(limits=limits, **given)
    return connection if limits.tls is None else SecuredConnection(connection, limits, limits.tls)


class SecuredConnection(SSLProtocol):
    """asyncio's TLS, which would tell nobody of a client before its handshake is done.

    The connection learns of it at once, so that a handshake too is bounded in time and number, and ends with the server.
    """

    def __init__(self, connection: BoundedConnection, limits: ConnectionLimits, context: ssl.SSLContext) -> None:
        super().__init__(
            asyncio.get_running_loop(),
            connection,
            context,
            waiter=None,  # type: ignore[arg-type]  # as asyncio's own servers do
            server_side=True,
            ssl_handshake_timeout=limits.patience_seconds,  # type: ignore[arg-type]  # any number
            ssl_shutdown_timeout=limits.patience_seconds,
        )
        self._connection = connection
        self._limits = limits

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._connection.connection_made(transport)  # type: ignore[arg-type]  # TCP's
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        if self._connection.is_secured:
            return
        if isinstance(exc, ssl.SSLError):  # and not somebody who only looked whether the port is open
            self._limits.record({"client": self._connection.client}, RequestRefused(400, "tls_handshake", str(exc)))
        self._connection.connection_lost(None)
