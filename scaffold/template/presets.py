"""Answers that go together, under a name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scaffold.errors import RefusedError
from scaffold.rendered.answers import Answers
from scaffold.template.declarations import read_declarations
from scaffold.template.questions import did_you_mean


@dataclass(frozen=True)
class Preset:
    """A starting point: what it leaves out is asked, or takes its default."""

    name: str
    description: str
    answers: Answers

    def to_json(self) -> dict[str, object]:
        """The preset as a document."""
        return {"name": self.name, "description": self.description, "answers": dict(self.answers)}


def read_presets(folder: Path) -> dict[str, Preset]:
    """Read the presets of the template in `folder`."""
    rows = read_declarations(folder / "data" / "presets.yml")
    return {name: Preset(name, row["description"], row["answers"]) for name, row in rows.items()}


def find_preset(presets: Mapping[str, Preset], name: str) -> Preset:
    """The preset called `name`.

    Raises:
        RefusedError: There is none.
    """
    if name not in presets:
        raise RefusedError(f"{name!r} is no preset{did_you_mean(name, presets)}: choose from {', '.join(presets)}.")
    return presets[name]
