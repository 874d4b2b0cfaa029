"""Tries the result of a plan before anything is touched: lock, test and prove it, in a repository of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from scaffold import console, hooks
from scaffold.environment import for_server, for_tests
from scaffold.errors import ProofError, ScaffoldError, UnavailableError
from scaffold.proof import boot, prove_repository, stand_ins
from scaffold.rendered.proof_settings import Circumstances
from scaffold.updating.plan import LOCK_FILE, FileChange, Kind, Plan, Verification
from scaffold.updating.repository import LivingRepository
from scaffold.updating.trees import Entry, Workshop

TEST_SECONDS = 1800
_NOTHING_COLLECTED = 5


class VerificationError(ScaffoldError):
    """The result of an update does not pass its own tests."""


def needs(plan: Plan, living: LivingRepository) -> list[str]:
    """What it takes to verify a plan's result; raises `RefusedError` for a `proof.yaml` that cannot be used."""
    answers = {**living.recorded.answers, **{change.key: change.value for change in plan.questions}}
    return Circumstances.read(living.path).needs(store=answers.get("replica_state") == "redis")


def verify(plan: Plan, living: LivingRepository, workshop: Workshop, folder: Path) -> tuple[Plan, Verification]:
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
    circumstances = Circumstances.read(living.path)
    workshop.check_out(living.head, plan.tree)
    done = Verification()
    environment = folder / "environment"
    done.steps["locked"] = console.attempt("Locking", lambda: hooks.lock(workshop.folder), done.warnings)
    locked = _with_lock(plan, workshop)
    if not done.steps["locked"]:
        done.steps |= {"tested": False, "proven": False}
        return locked, done
    done.steps["tested"] = console.attempt(
        "Testing", lambda: _test(workshop.folder, environment / "tests", circumstances), done.warnings
    )
    done.steps["proven"] = console.attempt(
        "Proving", lambda: _prove(workshop.folder, environment / "proof", circumstances), done.warnings
    )
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


def _test(repository: Path, environment: Path, circumstances: Circumstances) -> None:
    installed = _run_uv("sync", "--quiet", "--locked", repository=repository, environment=environment)
    if installed.status:
        if any(words in installed.log.lower() for words in boot.UNREACHABLE):
            raise UnavailableError("the package index cannot be reached")
        raise VerificationError(f"The updated dependencies do not install. {_UNTOUCHED}\n{installed.last_lines}")
    tests = ("run", "--no-sync", "pytest", "--quiet")
    variables = {**for_server(), **circumstances.env}
    programs = boot.beside(environment / ("Scripts" if boot.WINDOWS else "bin"), variables)
    with stand_ins.running(circumstances.services, repository, programs, environment.parent):
        tested = _run_uv(*tests, repository=repository, environment=environment, settings=circumstances.env)
    if tested.status not in (0, _NOTHING_COLLECTED):
        raise VerificationError(f"The tests fail on the updated files. {_UNTOUCHED}\n{tested.last_lines}")


@dataclass(frozen=True)
class _Run:
    status: int
    log: str

    @property
    def last_lines(self) -> str:
        return boot.last_lines(self.log)


def _run_uv(
    *arguments: str, repository: Path, environment: Path, settings: Mapping[str, str] = MappingProxyType({})
) -> _Run:
    """Run uv in a process group of its own, which ends with the block whatever happens."""
    variables = {**for_tests(), **settings, "UV_PROJECT_ENVIRONMENT": str(environment)}
    log = environment.with_suffix(".log")
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [boot.find_uv(), *arguments]
    with (
        log.open("wb") as output,
        boot.started_group(command, repository, variables, output, subprocess.DEVNULL) as process,
    ):
        try:
            status = process.wait(TEST_SECONDS)
        except subprocess.TimeoutExpired:
            raise VerificationError(
                f"uv {arguments[0]} took longer than {TEST_SECONDS} seconds. {_UNTOUCHED}"
            ) from None
    return _Run(status, log.read_text(encoding="utf-8", errors="replace"))


def _prove(repository: Path, environment: Path, circumstances: Circumstances) -> None:
    report = prove_repository(
        repository, environment=environment, circumstances=circumstances, progress=console.progress
    )
    if not report.passed:
        failed = ", ".join(result.probe.id for result in report.failures) or "nothing could be asked"
        raise ProofError(f"The proof of the updated files fails ({failed}). {_UNTOUCHED}\n{report.table()}")


_UNTOUCHED = "Nothing was changed. --plan --no-verify shows the plan, --no-verify applies it as it is."
