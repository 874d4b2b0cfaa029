"""What becomes of the answers: carried over, renamed, new, gone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from scaffold.rendered.answers import Answers
from scaffold.template.declarations import read_declarations
from scaffold.updating.plan import QuestionChange

RENAMES_FILE = "renamed.yml"
"""In the template: the questions that have another name now, old to new."""


def read_renames(template: Path) -> dict[str, str]:
    """The questions' new names by all their old ones, over several renames too; empty without the file."""
    file = template / RENAMES_FILE
    table = read_declarations(file) if file.is_file() else {}
    return {old: _last_name(table, new) for old, new in table.items()}


def carry(answers: Answers, renames: Mapping[str, str]) -> Answers:
    """The answers under the present names of their questions; one under a new name wins over one under the old."""
    renamed = {renames[key]: value for key, value in answers.items() if key in renames}
    return {**renamed, **{key: value for key, value in answers.items() if key not in renames}}


def question_changes(before: Answers, after: Answers, renames: Mapping[str, str]) -> list[QuestionChange]:
    """The changes of recorded answers, in the order of the questions; answers that are gone come last."""
    formers = {renames[key]: key for key in before if key in renames and renames[key] in after}
    changes = [change for key in after for change in _change(key, before, after, formers.get(key))]
    gone = [key for key in before if key not in after and key not in formers.values()]
    return [*changes, *(QuestionChange(key, "gone", None, before[key]) for key in gone)]


def _change(key: str, before: Answers, after: Answers, former: str | None) -> list[QuestionChange]:
    value = after[key]
    if former is not None:
        return [QuestionChange(key, "renamed", value, before[former], former)]
    if key not in before:
        return [QuestionChange(key, "new", value)]
    return [] if before[key] == value else [QuestionChange(key, "changed", value, before[key])]


def _last_name(table: Mapping[str, str], name: str) -> str:
    seen = set()
    while name in table and name not in seen:
        seen.add(name)
        name = table[name]
    return name
