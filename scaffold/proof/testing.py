"""Runs the tests of a rendered repository, with what its `proof.yaml` gives them."""

from __future__ import annotations

from pathlib import Path

from scaffold.environment import for_server, for_tests
from scaffold.proof import stand_ins
from scaffold.rendered.proof_settings import ProofSettings
from scaffold.toolchain import uv
from scaffold.toolchain.installation import programs_of
from scaffold.toolchain.processes import with_programs_first

TEST_SECONDS = 1800


def run_tests(repository: Path, virtual_environment: Path, proof_settings: ProofSettings, *options: str) -> uv.Run:
    """Install a repository and its locked development tools outside its tree, and run its tests with pytest's options.

    Raises:
        UnavailableError: uv, Python, a stand-in's program or the network is missing.
        InstallError: The lock does not install.
        StandInError: A stand-in does not start.
    """
    virtual_environment.parent.mkdir(parents=True, exist_ok=True)
    uv.sync(repository, virtual_environment)
    programs = with_programs_first(programs_of(virtual_environment), {**for_server(), **proof_settings.env})
    variables = {
        **for_tests(),
        **proof_settings.env,
        "PYTHONDONTWRITEBYTECODE": "1",
        "UV_PROJECT_ENVIRONMENT": str(virtual_environment),
    }
    arguments = ("run", "--no-sync", "pytest", "--quiet", *options)
    with stand_ins.running(proof_settings.services, repository, programs, virtual_environment.parent):
        return uv.run_uv(*arguments, folder=repository, variables=variables, seconds=TEST_SECONDS)
