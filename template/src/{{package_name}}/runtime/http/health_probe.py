# Managed by the template; updates merge into this file.
"""The container's health check: ends with 0 where the server of this environment answers, over TLS where it speaks TLS."""

import os
import ssl
import sys
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection

TIMEOUT_SECONDS = 4
EVERY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # nosec B104 - what the server listens on


def is_alive(environ: Mapping[str, str]) -> bool:
    """Whether `/livez` answers 200 where the settings say that the server listens."""
    host = environ.get("MCP_HOST") or "127.0.0.1"
    address = EVERY.get(host, host), int(environ.get("MCP_PORT") or 8000)
    if environ.get("MCP_TLS_CERT_FILE"):
        # The certificate names the public host, and whose process this is needs no proof on the same machine.
        context = ssl._create_unverified_context()  # noqa: S323  # nosec B323 - its own host
        connection: HTTPConnection = HTTPSConnection(*address, timeout=TIMEOUT_SECONDS, context=context)
    else:
        connection = HTTPConnection(*address, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False


if __name__ == "__main__":
    sys.exit(not is_alive(os.environ))
