"""Runs a repository's tests and its proof, for results that do not exist yet."""

from __future__ import annotations

from pathlib import Path

from scaffold.errors import ProofError
from scaffold.evidence.results import JUNIT_FILE
from scaffold.progress import Progress
from scaffold.proof import prove_repository
from scaffold.proof.testing import run_tests
from scaffold.rendered.repository import RenderedRepository


def make_results(repository: RenderedRepository, folder: Path, progress: Progress) -> Path:
    """Test and prove a repository, whose tree is only read, and return the folder of the results.

    Raises:
        NotRendered: The repository cannot be installed.
        RefusedError: It has no lock, or its `proof.yaml` cannot be used.
        UnavailableError: uv, Python, a stand-in's program or the network is missing.
        InstallError: The lock does not install.
        StandInError: A stand-in does not start.
        ProofError: The tests end without results.
    """
    repository.require_installable()
    results, environments = folder / "results", folder / "environments"
    results.mkdir()
    junit = results / JUNIT_FILE
    with progress.step("Testing"):
        progress.part("running the tests")
        options = (f"--junit-xml={junit}", "-p", "no:cacheprovider")
        tested = run_tests(repository.path, environments / "tests", repository.proof_settings, *options)
    if not junit.is_file():
        raise ProofError(f"The tests ended without results: run uv run pytest to see why.\n{tested.last_lines}")
    with progress.step("Proving"):
        report = prove_repository(
            repository.path, full=True, environment=environments / "proof", progress=progress.part
        )
    report.write(results)
    return results
