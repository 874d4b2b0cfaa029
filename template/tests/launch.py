# Managed by the template; updates merge into this file.
"""The environment in which tests start the sample server."""

import os
from pathlib import Path

TESTS = Path(__file__).parent
FOREIGN = ("MCP_", "OTEL_", "ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "SSL_CERT_")
"""Variables, in either case, that would stand between tests and what they start on loopback."""


def environment(**settings: object) -> dict[str, str]:
    """This process's environment without such variables, and with the settings given."""
    kept = (name for name in os.environ if not name.upper().startswith(FOREIGN) or name == "MCP_REDIS_URL")
    given = {f"MCP_{name.upper()}": str(value) for name, value in settings.items()}
    return {**{name: os.environ[name] for name in kept}, "PYTHONPATH": str(TESTS), "OTEL_SDK_DISABLED": "true", **given}
