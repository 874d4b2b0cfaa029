"""What the template moved: a table in it says so, and git's similarity finds the rest."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from scaffold.rendered.answers import Answers
from scaffold.template.declarations import read_declarations

MOVES_FILE = "moved.yml"
"""In the template: the files that have another path now, old to new, with answers in braces."""


def read_moves(template: Path, answers: Answers) -> dict[str, list[str]]:
    """Where a file of a repository with these answers may stand now, by its old path; empty without the table."""
    file = template / MOVES_FILE
    table = read_declarations(file) if file.is_file() else {}
    return {
        old.format_map(answers): [path.format_map(answers) for path in ([new] if isinstance(new, str) else new)]
        for old, new in table.items()
    }


def choose_moves(
    moves: Mapping[str, list[str]], base: Collection[str], theirs: Collection[str], similar: Mapping[str, str]
) -> dict[str, str]:
    """The new paths of the files that moved between two renders, by their old ones.

    A move of the table counts where only the older render has the old path and only the newer one the new path. What
    git finds by similarity counts for the files that the table does not name. Of a file that moved twice each row says
    one move.
    """
    declared = {
        old: path
        for old in moves
        if old in base
        and old not in theirs
        and (path := next((each for each in _onwards(old, moves) if each in theirs), ""))
        if path not in base
    }
    taken = {*declared, *declared.values()}
    found = {old: path for old, path in similar.items() if not {old, path} & taken}
    return {**found, **declared}


def _onwards(old: str, moves: Mapping[str, list[str]]) -> list[str]:
    """Where a file may stand now, after one move, two, and so on."""
    paths = [*moves[old]]
    for path in paths:
        paths += [each for each in moves.get(path, []) if each != old and each not in paths]
    return paths
