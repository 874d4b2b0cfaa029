"""The real questions with a template that only tells what became of the answers."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import copier
import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2_ansible_filters import AnsibleCoreFiltersExtension  # type: ignore[import-untyped]

from scaffold.template.questions import Questionnaire
from tests.support.template import CHECKOUT, copy_questions

TEMPLATES = Environment(
    loader=FileSystemLoader(CHECKOUT),
    extensions=[AnsibleCoreFiltersExtension],
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
"""What Copier renders an expression of `copier.yml` with."""
RULES: Any = TEMPLATES.get_template("includes/validation.jinja").module


@dataclass(frozen=True)
class Answered:
    """What Copier made of the answers: what it records, and what follows from it."""

    recorded: dict[str, Any]
    derived: dict[str, Any]


class QuestionsOnly:
    """A template that asks what the real one asks and renders next to nothing."""

    def __init__(self, folder: Path) -> None:
        self._template = copy_questions(folder / "template")
        self._rendered = folder / "rendered"
        output = self._template / "template"
        output.mkdir()
        shutil.copy(CHECKOUT / "template" / "{{_copier_conf.answers_file}}.jinja", output)
        told = ", ".join(f'"{name}": {name}' for name in sorted(Questionnaire.read(self._template).derived))
        (output / "derived.json.jinja").write_text(f"{{{{ {{{told}}} | to_json }}}}", encoding="utf-8")

    def answer(self, **answers: object) -> Answered:
        """Give these answers, and take defaults for the rest; Copier's `ValueError` is the refusal."""
        shutil.rmtree(self._rendered, ignore_errors=True)
        copier.run_copy(str(self._template), self._rendered, data=answers, defaults=True, quiet=True)
        recorded = yaml.safe_load((self._rendered / ".copier-answers.yml").read_text(encoding="utf-8"))
        derived = json.loads((self._rendered / "derived.json").read_text(encoding="utf-8"))
        return Answered({key: value for key, value in recorded.items() if not key.startswith("_")}, derived)
