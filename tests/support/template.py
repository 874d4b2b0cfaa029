"""The template as it lies in this checkout."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from scaffold.template.files import QUESTION_FOLDERS, TEMPLATE_FOLDERS

CHECKOUT = Path(__file__).parents[2]


def copy_template(destination: Path, folders: Iterable[str] = TEMPLATE_FOLDERS) -> Path:
    """Lay the template's files into a folder, which is made: a source that needs no git."""
    destination.mkdir(parents=True, exist_ok=True)
    for file in CHECKOUT.glob("*.yml"):
        shutil.copy(file, destination)
    for folder in folders:
        ignored = shutil.ignore_patterns("__pycache__", ".*_cache")
        shutil.copytree(CHECKOUT / folder, destination / folder, ignore=ignored)
    return destination


def copy_questions(destination: Path) -> Path:
    """Lay what asks into a folder, which is made: all but what is derived of the output tree, which is not there."""
    copy_template(destination, (*QUESTION_FOLDERS, "includes"))
    settings = destination / "copier.yml"
    whole = settings.read_text(encoding="utf-8")
    asking = whole.replace("!include questions/evidence.yml\n---\n", "")
    assert asking != whole
    settings.write_text(asking, encoding="utf-8")
    return destination
