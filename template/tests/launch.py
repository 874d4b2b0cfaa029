# Managed by the template; updates merge into this file.
"""The environment in which tests start the sample server."""

import os
from pathlib import Path


def environment(**settings: object) -> dict[str, str]:
    """This process's environment, with the settings given."""
    given = {f"MCP_{name.upper()}": str(value) for name, value in settings.items()}
    return {"OTEL_SDK_DISABLED": "true", **os.environ, "PYTHONPATH": str(Path(__file__).parent), **given}
