"""Which files of this project are the template: all that a render needs, and nothing else."""

from __future__ import annotations

from typing import Final

QUESTION_FOLDERS: Final = ("data", "questions")
TEMPLATE_FOLDERS: Final = (*QUESTION_FOLDERS, "includes", "template")
TEMPLATE_PATHSPECS: Final = (":(top,glob)*.yml", *TEMPLATE_FOLDERS)
"""The template's files, as git takes them."""


def is_question_file(path: str) -> bool:
    """Whether asking needs the file, by its path in this project: `copier.yml`, and what it includes."""
    folder, _, name = path.rpartition("/")
    return folder in ("", *QUESTION_FOLDERS) and name.endswith(".yml") and not name.startswith(".")
