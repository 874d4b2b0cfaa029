"""`mcp-scaffold update` and `mcp-scaffold set`: plan, verify, apply."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from scaffold import console
from scaffold.errors import ConflictError, ExitStatus
from scaffold.template.source import template_source
from scaffold.updating import application, wording
from scaffold.updating.history import History
from scaffold.updating.plan import Plan, Verification
from scaffold.updating.planning import Planner
from scaffold.updating.repository import LivingRepository, open_repository
from scaffold.updating.trees import Workshop
from scaffold.workspace import Workspace, workspace


@dataclass(frozen=True)
class Request:
    """What the command line asks for, of an update and of a change of answers alike."""

    path: Path
    plan: bool
    verify: bool
    json: bool


def update(request: Request, version: str | None) -> ExitStatus:
    """Update a repository to a version of the template, by default the newest that is one major step away at most.

    Returns:
        The exit status: 0, or 3 when there are conflicts or an edit would be lost.

    Raises:
        ScaffoldError: It cannot be updated; nothing is changed.
        Interrupted: A signal ended the work; nothing is changed.
    """

    def plan(planner: Planner) -> Plan | None:
        current = planner.history.recorded(planner.living.recorded.version)
        target = planner.history.target(current, version)
        if planner.history.commit(target) == planner.history.commit(current):
            return None
        return planner.update(target)

    return _run(request, plan)


def change_answers(request: Request, assignments: tuple[str, ...]) -> ExitStatus:
    """Change answers of a repository, at the version of the template that it has.

    Returns:
        The exit status: 0, or 3 when there are conflicts or an edit would be lost.

    Raises:
        ScaffoldError: They cannot be changed; nothing is changed.
        Interrupted: A signal ended the work; nothing is changed.
    """

    def plan(planner: Planner) -> Plan | None:
        planner.history.recorded(planner.living.recorded.version)
        planned = planner.change_answers(assignments)
        return planned if planned.questions else None

    return _run(request, plan)


def _run(request: Request, make_plan: Callable[[Planner], Plan | None]) -> ExitStatus:
    if application.recover(request.path):
        raise ConflictError(
            "An update that was cut short is in the working tree now: look at git status and git diff --staged, then "
            "commit it, or put everything back with git reset --hard."
        )
    living = open_repository(request.path)
    with workspace(Path(tempfile.gettempdir()) / "update") as place:
        with console.step("Planning"):
            planner = _planner(living, place)
            plan = make_plan(planner)
        if plan is None:
            return _tell_nothing(request, living)
        blocked = bool(plan.conflicts or plan.lost)
        verification = Verification()
        if request.verify and not blocked:
            from scaffold.updating import verification as trying  # noqa: PLC0415 -- slow, and not for --no-verify

            if request.plan:
                plan = replace(plan, needs=trying.needs(plan, living))
            else:
                plan, verification = trying.verify(plan, living, planner.workshop, place.folder)
        applied = not request.plan and not plan.lost
        if applied:
            intent = application.Intent(living.head, plan.tree, plan.unmerged)
            application.apply(intent, living.git, planner.workshop.pack(plan.carried, living.head))
    _tell(request, living, plan, verification, applied=applied)
    return ExitStatus.CONFLICT if blocked else ExitStatus.DONE


def _planner(living: LivingRepository, place: Workspace) -> Planner:
    history = History.fetch(living.recorded.url, living.path, template_source(), place.folder / "history")
    workshop = Workshop.beside(living.objects, place.folder / "workshop")
    return Planner(living, history, workshop, place.folder)


def _tell_nothing(request: Request, living: LivingRepository) -> ExitStatus:
    version = living.recorded.version
    if request.json:
        console.emit(_document(living, Plan.of_nothing(version), Verification(), applied=False))
    else:
        console.say(f"{living.path} has it already: template {version}, with these answers.")
    return ExitStatus.DONE


def _tell(request: Request, living: LivingRepository, plan: Plan, verification: Verification, *, applied: bool) -> None:
    for warning in [*plan.warnings, *verification.warnings]:
        console.note(warning)
    if request.json:
        console.emit(_document(living, plan, verification, applied=applied))
        return
    words = [plan_words for plan_words in [wording.plan_in_words(plan, diffs=request.plan)] if plan_words]
    console.say("\n\n".join([*words, _ending(living, plan, verification, applied=applied)]))


def _ending(living: LivingRepository, plan: Plan, verification: Verification, *, applied: bool) -> str:
    told = f"{wording.summary(plan)}{_verified(verification)}."
    if not applied:
        needs = f"\n\nTo try this before it is applied takes {'; '.join(plan.needs)}." if plan.needs else ""
        return f"{told} Nothing was written.{needs}"
    after = wording.after_conflicts(plan, living.path) if plan.conflicts else None
    return f"{told}\n\n{after or wording.after_apply(plan, verification, living.path)}"


def _verified(verification: Verification) -> str:
    taken = [step for step, done in verification.steps.items() if done]
    return f"; {', '.join(taken)}" if taken else ""


def _document(living: LivingRepository, plan: Plan, verification: Verification, *, applied: bool) -> dict[str, object]:
    steps = dict.fromkeys(("locked", "tested", "proven"), False) | verification.steps
    return {
        "repository": str(living.path),
        **plan.to_json(),
        "conflicts": [change.path for change in plan.conflicts],
        "lost": [change.path for change in plan.lost],
        **steps,
        "applied": applied,
        "commands": wording.commands(plan) if plan.files else {},
        "warnings": [*plan.warnings, *verification.warnings],
    }
