# Managed by the template; updates merge into this file.
"""The environment in which tests start the sample server."""

import os
from pathlib import Path

TESTS = Path(__file__).parent


def environment(**settings: object) -> dict[str, str]:
    """This process's environment without its own settings, and with those given."""
    kept = (name for name in os.environ if not name.startswith("MCP_") or name == "MCP_REDIS_URL")
    given = {f"MCP_{name.upper()}": str(value) for name, value in settings.items()}
    return {**{name: os.environ[name] for name in kept}, "PYTHONPATH": str(TESTS), "OTEL_SDK_DISABLED": "true", **given}
