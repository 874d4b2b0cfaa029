"""A repository installed from its lock, outside its tree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scaffold import environment
from scaffold.rendered.repository import RenderedRepository
from scaffold.toolchain.processes import WINDOWS, with_programs_first
from scaffold.toolchain.uv import sync


def programs_of(virtual_environment: Path) -> Path:
    """The folder of the programs of a virtual environment."""
    return virtual_environment / ("Scripts" if WINDOWS else "bin")


@dataclass(frozen=True)
class Installation:
    """A repository's program and its locked dependencies, installed.

    Attributes:
        folder: Holds the virtual environment, and what else is written while the program runs.
    """

    repository: RenderedRepository
    folder: Path

    @property
    def virtual_environment(self) -> Path:
        """Where the program is installed."""
        return self.folder / "environment"

    @property
    def python_version(self) -> str:
        """The version of its Python."""
        lines = (self.virtual_environment / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
        return next((line.partition("=")[2].strip() for line in lines if line.startswith("version")), "")

    def executable(self, name: str) -> Path:
        """One of the installed programs."""
        return programs_of(self.virtual_environment) / (f"{name}.exe" if WINDOWS else name)

    def environment(self, settings: Mapping[str, str]) -> dict[str, str]:
        """This process's environment with these settings, and with the installed programs first on the path."""
        return with_programs_first(programs_of(self.virtual_environment), {**environment.for_server(), **settings})


def install(repository: RenderedRepository, folder: Path) -> Installation:
    """Install the repository as it lies there, and its locked runtime dependencies, below `folder`.

    Raises:
        UnavailableError: uv, Python or the network is missing.
        InstallError: The lock does not install.
    """
    installation = Installation(repository, folder)
    # uv would take a wheel that it built before the sources changed.
    selection = ("--no-dev", "--no-editable", "--reinstall-package", repository.slug)
    sync(repository.path, installation.virtual_environment, *selection)
    return installation
