"""Updates a repository, or changes its answers: plan, verify, apply. Nothing is printed: the outcome says it all."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from scaffold.errors import ConflictError
from scaffold.progress import Progress
from scaffold.template.source import TemplateSource
from scaffold.updating import application
from scaffold.updating.history import History
from scaffold.updating.living_repository import LivingRepository, open_repository
from scaffold.updating.outcome import UpdateOutcome
from scaffold.updating.plan import Plan, Verification
from scaffold.updating.planning import Planner
from scaffold.updating.trees import Workshop
from scaffold.workspace import Workspace, workspace

_SILENT = Progress()


@dataclass(frozen=True)
class Request:
    """What is wanted of a change to a repository.

    Attributes:
        plan: Whether the change is planned only, and nothing is written.
        verify: Whether the result is locked, tested and proven before it is applied.
    """

    repository: Path
    plan: bool = False
    verify: bool = True


def update(
    request: Request, version: str | None, installed: TemplateSource, progress: Progress = _SILENT
) -> UpdateOutcome:
    """Update a repository to a version of the template, by default the newest that is one major step away at most.

    Args:
        request: Which repository, and how far to go.
        version: A tag, a commit, or `HEAD` for the latest commit.
        installed: The template of this installation, which resolves the origins that nobody serves.
        progress: Hears of each step.

    Raises:
        ScaffoldError: The repository cannot be updated; nothing is changed.
        Interrupted: A signal ended the work; nothing is changed.
    """

    def plan(planner: Planner) -> Plan | None:
        current = planner.history.recorded(planner.living.recorded.version)
        target = planner.history.target(current, version)
        if planner.history.commit(target) == planner.history.commit(current):
            return None
        return planner.update(target)

    return _run(request, plan, installed, progress)


def change_answers(
    request: Request, assignments: Iterable[str], installed: TemplateSource, progress: Progress = _SILENT
) -> UpdateOutcome:
    """Change answers of a repository, at the version of the template that it has.

    Args:
        request: Which repository, and how far to go.
        assignments: Texts of the form `KEY=VALUE`.
        installed: As for `update`.
        progress: Hears of each step.

    Raises:
        ScaffoldError: The answers cannot be changed; nothing is changed.
        Interrupted: A signal ended the work; nothing is changed.
    """

    def plan(planner: Planner) -> Plan | None:
        planner.history.recorded(planner.living.recorded.version)
        planned = planner.change_answers(assignments)
        return planned if planned.questions else None

    return _run(request, plan, installed, progress)


def _run(
    request: Request, make_plan: Callable[[Planner], Plan | None], installed: TemplateSource, progress: Progress
) -> UpdateOutcome:
    if application.recover(request.repository):
        raise ConflictError(
            "An update that was cut short is in the working tree now: look at git status and git diff --staged, then "
            "commit it, or put everything back with git reset --hard."
        )
    living = open_repository(request.repository)
    with workspace(Path(tempfile.gettempdir()) / "update") as work:
        with progress.step("Planning"):
            planner = _planner(living, installed, work)
            plan = make_plan(planner)
        if plan is None:
            return UpdateOutcome(living.path, Plan.of_nothing(living.recorded.version))
        plan, verification = _verified(request, plan, planner, progress)
        applied = not request.plan and not plan.lost
        if applied:
            intent = application.Intent(living.head, plan.tree, plan.unmerged)
            application.apply(intent, living.git, planner.workshop.pack(plan.carried, living.head))
    return UpdateOutcome(living.path, plan, verification, applied)


def _planner(living: LivingRepository, installed: TemplateSource, work: Workspace) -> Planner:
    history = History.fetch(living.recorded.url, living.path, installed, work.folder / "history")
    workshop = Workshop.beside(living.objects, work.folder / "workshop")
    return Planner(living, history, workshop, work.folder)


def _verified(request: Request, plan: Plan, planner: Planner, progress: Progress) -> tuple[Plan, Verification]:
    """Verify a plan, or only name what that would need.

    Returns:
        The plan, with a new lock file if it was verified, and what was done.
    """
    if not request.verify or plan.needs_decisions:
        return plan, Verification()
    from scaffold.updating import verification  # noqa: PLC0415 -- slow, and not for --no-verify

    if request.plan:
        return replace(plan, needs=verification.needs(plan, planner.living)), Verification()
    return verification.verify(plan, planner.living, planner.workshop, progress)
