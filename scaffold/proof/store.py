"""A Valkey or Redis of the proof's own, for servers whose replicas share state."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from scaffold import environment
from scaffold.errors import InstallError, UnavailableError
from scaffold.toolchain.installation import Installation
from scaffold.toolchain.processes import free_ports, started_group
from scaffold.toolchain.uv import sync

PROGRAMS = ("valkey-server", "redis-server")
GROUP = "store"
"""The dependency group of a rendered repository whose package carries the program."""

_NEEDED = f"The server's replicas share state: install {' or '.join(PROGRAMS)}, which its lock does not bring here."


@contextmanager
def running_store(installation: Installation) -> Iterator[str]:
    """Serve an empty store on loopback, and yield its URL.

    Raises:
        UnavailableError: there is no such server on this machine, and the repository's lock brings none for it.
    """
    folder = installation.folder
    program = next(filter(None, map(shutil.which, PROGRAMS)), None) or _locked_program(installation)
    port = free_ports(1)[0]
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with (
        (folder / "store.log").open("wb") as log,
        started_group(command, folder, environment.for_server(), log, subprocess.DEVNULL),
    ):
        yield f"redis://127.0.0.1:{port}/0"


def _locked_program(installation: Installation) -> str:
    folder = installation.folder / GROUP
    try:
        sync(installation.repository.path, folder, "--only-group", GROUP)
    except InstallError as error:
        raise UnavailableError(f"{_NEEDED}\n{error.log}") from error
    for program in folder.rglob(PROGRAMS[0]):
        return str(program)
    raise UnavailableError(_NEEDED)
