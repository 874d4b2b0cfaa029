"""After a render: resolve the dependencies once, for everybody who will work on the repository."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from scaffold import environment
from scaffold.errors import LockError, UnavailableError

# What uv says when the package index is out of reach; its exit status does not tell.
_NETWORK_WORDS = ("failed to fetch", "error sending request", "network was disabled", "dns error", "timed out")


def lock(repository: Path) -> None:
    """Write `uv.lock`, with the uv that its PyPI package brings.

    Raises:
        UnavailableError: There is no uv, or the package index cannot be reached.
        LockError: The dependencies contradict each other.
    """
    # This interpreter satisfies `requires-python`, so uv need not look for another, let alone download one.
    command = [_uv(), "lock", "--quiet", "--no-progress", "--python", sys.executable]
    done = subprocess.run(
        command, cwd=repository, capture_output=True, text=True, errors="replace", env=environment.for_uv(), check=False
    )
    if not done.returncode:
        return
    if any(words in done.stderr.lower() for words in _NETWORK_WORDS):
        raise UnavailableError("the package index cannot be reached")
    raise LockError(f"The dependencies cannot be locked: {' '.join(done.stderr.split())}")


def _uv() -> str:
    try:
        from uv import find_uv_bin  # noqa: PLC0415 -- its absence is one of the answers

        return find_uv_bin()
    except (ImportError, FileNotFoundError) as error:
        raise UnavailableError("uv is not installed") from error
