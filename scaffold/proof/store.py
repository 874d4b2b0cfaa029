"""A Redis of the proof's own, for servers whose replicas share state."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scaffold.errors import CannotProve
from scaffold.proof.boot import free_ports, started_group

PROGRAMS = ("valkey-server", "redis-server")


@contextmanager
def running_store(folder: Path) -> Iterator[str]:
    """Serve an empty store on loopback, and yield its URL.

    Raises:
        CannotProve: there is no such server on this machine.
    """
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        raise CannotProve(f"The server's replicas share state over Redis: install {' or '.join(PROGRAMS)} to prove it.")
    port = free_ports(1)[0]
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with (folder / "store.log").open("wb") as log, started_group(command, folder, {}, log, subprocess.DEVNULL):
        yield f"redis://127.0.0.1:{port}/0"
