"""After a render: what a person does next."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path


def next_steps(destination: Path, answers: Mapping[str, object], *, locked: bool, committed: bool) -> str:
    """The commands that lead from a fresh render to a running server."""
    commands = [] if destination == Path.cwd() else [f"cd {_shortest(destination)}"]
    if not locked:
        commands.append("uv lock")
    if not committed:
        commands.append("git init -b main && git add --all && git commit -m 'Render the repository'")
    commands.append("uv run pytest")
    commands.append(f"uv run {answers['project_slug']}" if answers["transport"] == "stdio" else "uv run poe dev")
    return "\n".join(["Next:", *(f"  {command}" for command in commands), "README.md says the rest."])


def _shortest(destination: Path) -> str:
    try:
        relative = os.path.relpath(destination)
    except ValueError:  # another drive of Windows
        return shlex.quote(str(destination))
    return shlex.quote(min(relative, str(destination), key=len))
