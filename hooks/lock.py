"""After a render: resolve the dependencies once, for everybody who will work on the repository."""

from __future__ import annotations

import sys
from pathlib import Path

from scaffold import environment
from scaffold.errors import LockError
from scaffold.toolchain import uv


def lock(repository: Path) -> None:
    """Write `uv.lock`.

    Raises:
        UnavailableError: There is no uv, or the package index cannot be reached.
        LockError: The dependencies contradict each other.
    """
    # This interpreter satisfies `requires-python`, so uv need not look for another, let alone download one.
    arguments = ("lock", "--quiet", "--no-progress", "--python", sys.executable)
    done = uv.resolve(*arguments, folder=repository, variables=environment.for_uv())
    if done.status:
        raise LockError(f"The dependencies cannot be locked: {' '.join(done.log.split())}")
