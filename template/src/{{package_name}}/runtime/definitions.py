# Managed by the template; updates merge into this file.
"""What clients were promised of the tools: `tools.lock.json`, which the wheel carries."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .startup import ConfigurationError

Tools = Mapping[str, Mapping[str, Any]]


def find_lock() -> Path:
    """Where `tools.lock.json` is: inside an installed package, or at the root of a source checkout."""
    installed, checkout = (Path(__file__).resolve().parents[level] / "tools.lock.json" for level in (1, 3))
    return installed if installed.exists() else checkout


def check_locked(served: Tools, lock: Path) -> None:
    """Raise `ConfigurationError`, naming the first tool that is not what the lock promises."""
    try:
        locked: Tools = json.loads(lock.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"MCP_TOOLS_LOCKED needs tools.lock.json, which cannot be read: {error}.") from error
    for name in sorted(locked.keys() | served.keys()):
        if difference := _difference(locked.get(name), served.get(name)):
            raise ConfigurationError(
                f"MCP_TOOLS_LOCKED is set, and the tool {name} {difference}: review that, and accept it with "
                "`uv run poe lock-tools`."
            )


def _difference(promised: Mapping[str, Any] | None, served: Mapping[str, Any] | None) -> str:
    """How a tool is not what was promised; empty where it is. An older lock promises less of each."""
    if promised is None or served is None:
        return "is not in tools.lock.json" if promised is None else "of tools.lock.json is not served"
    # As JSON, which knows no tuples.
    seen = json.loads(json.dumps(served))
    changed = [part for part, value in promised.items() if seen.get(part) != value]
    return f"has another {changed[0]} than tools.lock.json promises" if changed else ""
