"""uv, as this project runs it: the one that came with it, in an environment without settings of another project."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scaffold import environment
from scaffold.errors import InstallError, UnavailableError
from scaffold.toolchain.processes import last_lines, started_group

RESOLVE_SECONDS = 600

# uv ends with the same exit status as for other failures.
_UNREACHABLE = (
    "failed to fetch",
    "error sending request",
    "dns error",
    "network connectivity is disabled",
    "network was disabled",
    "timed out",
)
_NO_PYTHON = ("no interpreter found", "no download found")


@dataclass(frozen=True)
class Run:
    """How a run of uv ended: its exit status, None when it was ended for taking too long, and all that it printed."""

    status: int | None
    log: str

    @property
    def last_lines(self) -> str:
        """The end of what it printed."""
        return last_lines(self.log)


def find_uv() -> str:
    """The uv that came with this distribution, or else the one on the path.

    Raises:
        UnavailableError: There is none.
    """
    try:
        from uv import find_uv_bin  # noqa: PLC0415 -- a source checkout may lack it

        return find_uv_bin()
    except (ImportError, FileNotFoundError):
        if found := shutil.which("uv"):
            return found
        raise UnavailableError("uv is not installed: install it, such as with pip install uv.") from None


def run_uv(*arguments: str, folder: Path, variables: Mapping[str, str], seconds: float) -> Run:
    """Run uv in a folder, for so many seconds at most; whatever it started ends with it.

    Raises:
        UnavailableError: There is no uv.
    """
    with (
        tempfile.TemporaryFile() as log,
        started_group([find_uv(), *arguments], folder, variables, log, subprocess.DEVNULL) as process,
    ):
        try:
            status: int | None = process.wait(seconds)
        except subprocess.TimeoutExpired:
            status = None
        log.seek(0)
        return Run(status, log.read().decode("utf-8", "replace"))


def resolve(*arguments: str, folder: Path, variables: Mapping[str, str]) -> Run:
    """Run a command of uv that may need the package index, such as `lock`.

    Raises:
        UnavailableError: There is no uv, it finds no Python, or it does not get an answer of the package index in time.
    """
    done = run_uv(*arguments, folder=folder, variables=variables, seconds=RESOLVE_SECONDS)
    printed = done.log.lower()
    if done.status is None:
        raise UnavailableError(f"uv {arguments[0]} took longer than {RESOLVE_SECONDS} seconds: check the network.")
    if done.status and any(sign in printed for sign in _UNREACHABLE):
        raise UnavailableError(
            "uv says that the package index cannot be reached: check the network, and which index uv is to use.\n"
            + done.last_lines
        )
    if done.status and any(sign in printed for sign in _NO_PYTHON):
        raise UnavailableError(
            "uv finds no Python that this repository accepts: install one that its pyproject.toml names.\n"
            + done.last_lines
        )
    return done


def sync(repository: Path, virtual_environment: Path, *selection: str) -> None:
    """Install what uv's options select of a repository's lock into a virtual environment; the lock stays as it is.

    Raises:
        UnavailableError: uv, Python or the network is missing.
        InstallError: The lock does not install.
    """
    arguments = ("sync", "--locked", *selection, "--no-progress", "--color", "never")
    variables = {**environment.for_uv(), "UV_PROJECT_ENVIRONMENT": str(virtual_environment)}
    done = resolve(*arguments, folder=repository, variables=variables)
    if done.status:
        raise InstallError(done.last_lines)
