# Managed by the template; updates merge into this file.
"""The environment in which tests start the sample server."""

import os
from pathlib import Path

TESTS = Path(__file__).parent
FOREIGN = ("OTEL_", "ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "SSL_CERT_")
"""Variables of this machine, in either case, that would stand between tests and what they start on loopback."""


def leave_out_foreign() -> None:
    """Take them from this process, and so from all that it starts."""
    for name in [name for name in os.environ if name.upper().startswith(FOREIGN)]:
        del os.environ[name]


def environment(**settings: object) -> dict[str, str]:
    """This process's environment without its own settings, and with those given."""
    kept = (name for name in os.environ if not name.startswith("MCP_") or name == "MCP_REDIS_URL")
    given = {f"MCP_{name.upper()}": str(value) for name, value in settings.items()}
    return {**{name: os.environ[name] for name in kept}, "PYTHONPATH": str(TESTS), "OTEL_SDK_DISABLED": "true", **given}
