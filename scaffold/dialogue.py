"""What is asked before and after Copier's questions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from scaffold.console import say, shown
from scaffold.errors import Interrupted
from scaffold.rendered.answers import Answers
from scaffold.template.presets import Preset


def pick_preset(presets: Mapping[str, Preset]) -> Answers:
    """Ask for a starting point; the answers of the chosen one, or none."""
    import questionary  # noqa: PLC0415 -- slow, and only for people

    none = questionary.Choice("No preset: ask everything", value={})
    choices = [
        questionary.Choice(f"{preset.name}: {preset.description}", value=preset.answers) for preset in presets.values()
    ]
    picked: Answers = questionary.select("Where do you start from?", [*choices, none]).unsafe_ask()
    return picked


def confirm(answers: Answers, destination: Path) -> None:
    """Show the answers and ask whether to go on.

    Raises:
        Interrupted: The person says no.
    """
    import questionary  # noqa: PLC0415 -- slow, and only for people

    width = max(map(len, answers))
    say("\n" + "\n".join(f"{key:<{width}}  {shown(answer)}" for key, answer in answers.items()) + "\n")
    if not questionary.confirm(f"Make this in {destination}?").unsafe_ask():
        raise Interrupted("declined")
