"""`mcp-scaffold presets`: the starting points."""

from __future__ import annotations

from scaffold.console import conclude, shown
from scaffold.template.presets import Preset, read_presets
from scaffold.template.source import template_source


def show_presets(*, json: bool) -> None:
    """Print every preset with its answers."""
    presets = read_presets(template_source().questions).values()
    document = {"presets": [preset.to_json() for preset in presets]}
    conclude(document, "\n\n".join(map(_words, presets)), json=json)


def _words(preset: Preset) -> str:
    answers = [f"  {key}: {shown(value)}" for key, value in preset.answers.items()]
    return "\n".join([preset.name, f"  {preset.description}", "", *answers])
