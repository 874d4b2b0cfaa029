# Managed by the template; updates merge into this file.
"""The environment in which tests start the sample server."""

import os
from pathlib import Path

TESTS = Path(__file__).parent
KEPT = ("MCP_REDIS_URL",)


def environment(**settings: object) -> dict[str, str]:
    """This process's environment without its own settings, and with those given."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MCP_") or name in KEPT}
    given = {f"MCP_{name.upper()}": str(value) for name, value in settings.items()}
    return {**inherited, "PYTHONPATH": str(TESTS), "OTEL_SDK_DISABLED": "true", **given}
