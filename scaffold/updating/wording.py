"""A plan in words: what a person reads who never saw Copier, and the commands to go on, to abort and to undo."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

from scaffold.rendered.repository import LOCK_FILE
from scaffold.updating.plan import MEANINGS, Kind, Plan, QuestionChange, Verification
from scaffold.updating.trees import Entry

SHORT = 12
"""So many characters of an object's id name it."""
_SECTIONS = {
    "added": "Controls that are new",
    "removed": "Controls that are gone",
    "tightened": "Controls that are tighter",
    "reopened": "Controls that your own edits touch: see in security/controls what they say, and if it holds",
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
    paths = " ".join(shlex.quote(change.path) for change in plan.conflicts)
    resolved = ["git diff --check", f"git add -- {paths}"] if plan.conflicts else []
    return {
        "continue": [*resolved, f"git commit -m {shlex.quote(commit_message(plan))}"],
        "abort": ["git reset --hard"],
        "undo": ["git revert --no-edit HEAD"],
    }


def after_apply(plan: Plan, verification: Verification, folder: Path) -> str:
    """What a person does next, after a plan without conflicts was applied."""
    relocked = [] if verification.steps.get("locked") else _relocked(plan)
    return "\n".join(
        [
            f"The files in {folder} are updated, and nothing is committed yet. Next:",
            "  git diff --staged    # what changed",
            *_in_turn([*relocked, *commands(plan)["continue"]]),
            *_to_read(plan),
            *_way_back(plan),
        ]
    )


def after_conflicts(plan: Plan, folder: Path) -> str:
    """How to resolve, abort and undo, for somebody who has never done it."""
    *resolved, commit = commands(plan)["continue"]
    marked = [change for change in plan.conflicts if change.merges_lines]
    whole = [change for change in plan.conflicts if not change.merges_lines]
    return "\n".join(
        [
            f"All else in {folder} is merged and staged; nothing is tried or committed.",
            f"In {_few(plan)} you and the template changed the same place:",
            *(f"  {change.path}" for change in plan.conflicts),
            "",
            *(_explained(plan) if marked else []),
            *_taken_whole([change.path for change in whole]),
            *_to_look_at(plan),
            "Then, in this folder:",
            *_in_turn([*resolved, *_relocked(plan), "uv run pytest", commit]),
            "git diff --check names every marker that is left, git diff --name-only --diff-filter=U every file.",
            *_to_read(plan),
            *_way_back(plan),
        ]
    )


def _relocked(plan: Plan) -> list[str]:
    return ["uv lock", f"git add {LOCK_FILE}"] if plan.keeps_lock else []


def _in_turn(steps: list[str]) -> list[str]:
    """Commands of which each runs only when those before it succeeded."""
    return [f"  {step} &&" for step in steps[:-1]] + [f"  {step}" for step in steps[-1:]]


def _explained(plan: Plan) -> list[str]:
    return [
        "Open each of them. Every such place looks like this:",
        "  <<<<<<< yours",
        "  1: what you have",
        f"  ||||||| template {plan.before}",
        "  2: what the template had",
        "  =======",
        "  3: what the template has now",
        f"  >>>>>>> template {plan.after}",
        "Compare 1 with 2: that is what you changed. Make that change in 3, and keep only the result: 1, 2 and the",
        "four marker lines go.",
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


def _to_look_at(plan: Plan) -> list[str]:
    touched = sorted({change.id for change in plan.security.reopened})
    if not touched:
        return []
    return [f"Once they are resolved, look at the controls that your edits touch: {', '.join(touched)}.", ""]


def _to_read(plan: Plan) -> list[str]:
    """The commands that show what the template would do to files of yours."""
    sides = [(change.path, change.stages) for change in plan.of(Kind.ADVISORY) if change.stages]
    shown = [
        f"  git diff {_short(stages.base)} {_short(stages.theirs)}    # {path}"
        if stages.base
        else f"  git show {_short(stages.theirs)}    # {path}, which you do not have"
        for path, stages in sides
    ]
    return ["To read what the template changed of files that are yours:", *shown] if shown else []


def _way_back(plan: Plan) -> list[str]:
    steps = commands(plan)
    return [
        f"To put everything back as it was, without what you do now:  {steps['abort'][0]}",
        f"To undo it after the commit, while that is the last one:    {steps['undo'][0]}",
    ]


def _short(entry: Entry | None) -> str:
    return entry.blob[:SHORT] if entry else ""


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
    indented = [f"  {line}" for line in lines]
    return ["\n".join([f"{title}:", *indented])] if indented else []


def _value(value: object) -> str:
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
