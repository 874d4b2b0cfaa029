"""A plan in words: what a person reads who never saw Copier, and the commands to go on, to abort and to undo."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

from scaffold.updating.plan import LOCK_FILE, MEANINGS, Kind, Plan, QuestionChange, Verification

TOLD_IN_FULL = (Kind.ADVISORY, Kind.KEPT, Kind.LOST)
_SECTIONS = {
    "added": "Controls that are new",
    "removed": "Controls that are gone",
    "tightened": "Controls that are tighter",
    "reopened": "Controls that your own edits touch: read whether they still hold",
}


def plan_in_words(plan: Plan, *, diffs: bool) -> str:
    """Everything that would happen, most urgent first; with `diffs` also each difference."""
    parts = [
        *_files(plan),
        *_listed("Questions", map(_question, plan.questions)),
        *_security(plan),
        *(["\n".join(change.diff.rstrip("\n") for change in plan.files if change.diff)] if diffs else []),
    ]
    return "\n\n".join(filter(None, parts))


def summary(plan: Plan) -> str:
    """One line: from where to where, and how many files."""
    counts = [f"{len(plan.of(kind))} {kind}" for kind in Kind if plan.of(kind)]
    step = f"{plan.before} to {plan.after}" if plan.before != plan.after else f"template {plan.after}, other answers"
    return f"{step}: {', '.join(counts) or 'no file changes'}"


def commit_message(plan: Plan) -> str:
    """What to call the commit of an applied plan."""
    if plan.before != plan.after:
        return f"Update the template from {plan.before} to {plan.after}"
    changed = [change for change in plan.questions if change.kind == "changed"] or plan.questions
    return f"Set {', '.join(f'{change.key} to {_value(change.value)}' for change in changed)}"


def commands(plan: Plan) -> dict[str, list[str]]:
    """What to run after a plan was applied: to go on, to abort, to undo."""
    message = f"git commit -m {shlex.quote(commit_message(plan))}"
    resolved = (
        ["git add -- " + " ".join(shlex.quote(change.path) for change in plan.conflicts)] if plan.conflicts else []
    )
    return {
        "continue": [*resolved, message],
        "abort": ["git reset --hard"],
        "undo": ["git revert --no-edit HEAD"],
    }


def after_apply(plan: Plan, verification: Verification, folder: Path) -> str:
    """What a person does next, after a plan without conflicts was applied."""
    steps = commands(plan)
    lines = [] if verification.steps.get("locked") else _relocked(plan)
    return "\n".join(
        [
            f"The files in {folder} are updated, and nothing is committed yet. Next:",
            "  git diff --staged    # what changed",
            *(f"  {line}" for line in lines),
            *(f"  {line}" for line in steps["continue"]),
            f"To put everything back as it was:  {steps['abort'][0]}",
            f"To undo it after the commit:       {steps['undo'][0]}",
        ]
    )


def after_conflicts(plan: Plan, folder: Path) -> str:
    """How to resolve, abort and undo, for somebody who has never done it."""
    steps = commands(plan)
    base, theirs = f"template {plan.before}", f"template {plan.after}"
    marked = [change for change in plan.conflicts if change.merges_lines]
    whole = [change for change in plan.conflicts if not change.merges_lines]
    return "\n".join(
        [
            f"Everything else is done in {folder}. In {_few(plan)} you and the template changed the same place:",
            *(f"  {change.path}" for change in plan.conflicts),
            "",
            *(_explained(base, theirs) if marked else []),
            *_taken_whole([change.path for change in whole]),
            "Then:",
            *(f"  {line}" for line in steps["continue"][:-1]),
            *(f"  {line}" for line in _relocked(plan)),
            "  uv run pytest",
            *(f"  {line}" for line in steps["continue"][-1:]),
            "git status lists what is left to resolve.",
            f"To abort, and put everything back as it was:  {steps['abort'][0]}",
            f"To undo it after the commit:                  {steps['undo'][0]}",
        ]
    )


def _relocked(plan: Plan) -> list[str]:
    return [f"uv lock && git add {LOCK_FILE}    # for what the dependencies are now"] if plan.keeps_lock else []


def _explained(base: str, theirs: str) -> list[str]:
    return [
        "Open each file. Every place looks like this:",
        "  <<<<<<< yours",
        "  what you have",
        f"  ||||||| {base}",
        "  what the template had before",
        "  =======",
        "  what the template has now",
        f"  >>>>>>> {theirs}",
        "Replace all of it, the four marker lines too, by what should be there: usually your lines, with what the",
        "template changed made in them. To take one side of a whole file: git checkout --ours FILE (yours), or",
        "git checkout --theirs FILE (the template's).",
        "",
    ]


def _taken_whole(paths: list[str]) -> list[str]:
    if not paths:
        return []
    return [
        f"These cannot be merged by lines, and are as you had them: {', '.join(paths)}.",
        "To keep yours: git checkout --ours FILE. To take the template's: git checkout --theirs FILE.",
        "",
    ]


def _few(plan: Plan) -> str:
    count = len(plan.conflicts)
    return "one file" if count == 1 else f"{count} files"


def _files(plan: Plan) -> Iterator[str]:
    order = (Kind.LOST, Kind.CONFLICT, *(kind for kind in Kind if kind not in (Kind.LOST, Kind.CONFLICT)))
    for kind in order:
        changes = plan.of(kind)
        if changes:
            lines = [f"  {_moved(change.former)}{change.path}{_because(change.reason)}" for change in changes]
            yield "\n".join([f"{kind.capitalize()} ({MEANINGS[kind]}):", *lines])


def _moved(former: str | None) -> str:
    return f"{former} -> " if former else ""


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


def _aside(detail: str) -> list[str]:
    return [f"({detail})"] if detail else []


def _question(change: QuestionChange) -> str:
    match change.kind:
        case "renamed":
            return f"{change.former} is called {change.key} now, and stays {_value(change.value)}"
        case "new":
            return f"{change.key} is new: {_value(change.value)}"
        case "gone":
            return f"{change.key} is gone; it was {_value(change.before)}"
        case _:
            return f"{change.key} becomes {_value(change.value)}; it was {_value(change.before)}"


def _security(plan: Plan) -> Iterator[str]:
    for name, changes in plan.security.sections().items():
        lines = (" ".join([change.id, change.statement, *_aside(change.detail)]) for change in changes)
        yield from _listed(_SECTIONS[name], lines)


def _listed(title: str, lines: Iterable[str]) -> list[str]:
    told = [f"  {line}" for line in lines]
    return ["\n".join([f"{title}:", *told])] if told else []


def _value(value: object) -> str:
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
