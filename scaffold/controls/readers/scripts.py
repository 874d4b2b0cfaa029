"""Shell scripts and their lines, each a job and its commands."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from scaffold.controls import nodes
from scaffold.controls.fields import Document


def read(text: str) -> list[Document]:
    """The script as a `Job` with `steps`."""
    return [Document("Job", "", nodes.mapping([("steps", steps(text, 1))], 1))]


def steps(text: str, first: int) -> yaml.Node:
    """The commands of a script whose first line has this number, each a step with its `command`."""
    found = (nodes.mapping([("command", nodes.scalar(command, line))], line) for line, command in commands(text, first))
    return nodes.sequence(found, first)


def commands(text: str, first: int) -> Iterator[tuple[int, str]]:
    """Each command with the line where it begins: a line and those that continue it, without comments."""
    begin, parts = first, list[str]()
    for number, line in enumerate(text.splitlines(), first):
        stripped = line.strip()
        if not stripped or (stripped.startswith("#") and not parts):
            continue
        begin = begin if parts else number
        parts.append(stripped.removesuffix("\\").strip())
        if not stripped.endswith("\\"):
            yield begin, " ".join(" ".join(parts).split())
            parts = []
