"""Tries the result of a plan before anything is touched: lock, test and prove it, in a repository of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from scaffold import hooks
from scaffold.errors import InstallError, ProofError, ScaffoldError
from scaffold.progress import Progress
from scaffold.proof import prove_repository
from scaffold.proof.testing import TEST_SECONDS, run_tests
from scaffold.rendered.proof_settings import ProofSettings
from scaffold.rendered.repository import LOCK_FILE
from scaffold.updating.living_repository import LivingRepository
from scaffold.updating.plan import FileChange, Kind, Plan, Verification
from scaffold.updating.trees import Entry, Workshop

_NOTHING_COLLECTED = 5


class VerificationError(ScaffoldError):
    """The result of an update does not pass its own tests."""


def needs(plan: Plan, living: LivingRepository) -> list[str]:
    """What it takes to verify a plan's result; raises `RefusedError` for a `proof.yaml` that cannot be used."""
    answers = {**living.recorded.answers, **{change.key: change.value for change in plan.questions}}
    return living.rendered.proof_settings.needs(store=answers.get("replica_state") == "redis")


def verify(plan: Plan, living: LivingRepository, workshop: Workshop, progress: Progress) -> tuple[Plan, Verification]:
    """Lay the plan's result out in the workshop, and lock, test and prove it there, as `proof.yaml` says.

    Returns:
        The plan, with the lock file that goes with its dependencies, and what was done. A step that lacks a tool or
        the network is left out and named.

    Raises:
        RefusedError: `proof.yaml` does not say what it has to say.
        LockError: The dependencies contradict each other.
        StandInError: A stand-in does not start.
        VerificationError: The tests fail.
        ProofError: A probe failed.
    """
    proof_settings = living.rendered.proof_settings
    workshop.check_out(living.head, plan.tree)
    done = Verification()
    # Outside the workshop's working tree, which is what is tried.
    environments = workshop.folder.parent / "environment"

    def attempt(name: str, words: str, work: Callable[[], None]) -> None:
        done.steps[name] = progress.attempt(words, work, done.warnings)

    attempt("locked", "Locking", lambda: hooks.lock(workshop.folder))
    locked = _with_lock(plan, workshop)
    if not done.steps["locked"]:
        done.steps |= {"tested": False, "proven": False}
        return locked, done
    attempt("tested", "Testing", lambda: _test(workshop.folder, environments / "tests", proof_settings))
    attempt("proven", "Proving", lambda: _prove(workshop.folder, environments / "proof", proof_settings, progress))
    return locked, done


def _with_lock(plan: Plan, workshop: Workshop) -> Plan:
    """The plan with the new lock file, where the repository keeps one."""
    if not plan.keeps_lock:
        return plan
    content = (workshop.folder / LOCK_FILE).read_bytes()
    tree = workshop.changed_tree(plan.tree, {LOCK_FILE: Entry("100644", workshop.store(content))})
    if tree == plan.tree:
        return plan
    diff = workshop.diffs(plan.tree, tree)[LOCK_FILE]
    change = FileChange(LOCK_FILE, Kind.CHANGED, "managed", "locked anew for the changed dependencies", diff=diff)
    carried = workshop.folder_of_trees(plan.carried, tree)
    return replace(plan, tree=tree, carried=carried, files=[*plan.files, change])


def _test(repository: Path, virtual_environment: Path, proof_settings: ProofSettings) -> None:
    try:
        tested = run_tests(repository, virtual_environment, proof_settings)
    except InstallError as error:
        raise VerificationError(f"The updated dependencies do not install. {_UNTOUCHED}\n{error.log}") from error
    if tested.status is None:
        raise VerificationError(f"The tests took longer than {TEST_SECONDS} seconds. {_UNTOUCHED}")
    if tested.status not in (0, _NOTHING_COLLECTED):
        raise VerificationError(f"The tests fail on the updated files. {_UNTOUCHED}\n{tested.last_lines}")


def _prove(repository: Path, folder: Path, proof_settings: ProofSettings, progress: Progress) -> None:
    report = prove_repository(repository, environment=folder, proof_settings=proof_settings, progress=progress.part)
    if not report.passed:
        raise ProofError(
            f"The proof of the updated files fails ({report.named_failures}). {_UNTOUCHED}\n{report.table()}"
        )


_UNTOUCHED = "Nothing was changed. --plan --no-verify shows the plan, --no-verify applies it as it is."
