"""The answers file of a rendered repository: from which template it was rendered, and with which answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from scaffold import documents
from scaffold.errors import NotRendered

ANSWERS_FILE = ".copier-answers.yml"
VERSION_KEY, ORIGIN_KEY = "_commit", "_src_path"
"""Under these keys Copier records the version and the origin of the template."""

Answer: TypeAlias = str | int | float | bool | list[str]
Answers: TypeAlias = dict[str, Answer]

_SEAL = re.compile(r"^#.*\bseal (?P<seal>[0-9a-f]+)", re.MULTILINE)


@dataclass(frozen=True)
class RecordedAnswers:
    """What the answers file holds.

    Attributes:
        version: The template's version, empty where none is recorded.
        url: The template's origin, empty where none is recorded.
        seal: The digest of the answers, which the template writes into a comment beside them; empty where it writes
            none. It shows that the file was edited.
    """

    version: str
    url: str
    answers: Answers
    seal: str

    @classmethod
    def parse(cls, text: str) -> RecordedAnswers:
        """Read the text of an answers file.

        Raises:
            ValueError: The text is no mapping; the message says what it is.
        """
        content = documents.parse(text)
        if not isinstance(content, dict):
            raise ValueError("it holds no answers")  # noqa: TRY004 -- of the text, not of a caller
        version, url = (str(content.get(key) or "") for key in (VERSION_KEY, ORIGIN_KEY))
        answers = {str(key): value for key, value in content.items() if not str(key).startswith("_")}
        seal = _SEAL.search(text)
        return cls(version, url, answers, seal["seal"] if seal else "")

    @classmethod
    def read(cls, repository: Path) -> RecordedAnswers:
        """Read the answers file of a repository.

        Raises:
            NotRendered: There is no answers file, or it cannot be read.
        """
        try:
            return cls.parse((repository / ANSWERS_FILE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise NotRendered(repository, f"it has no {ANSWERS_FILE}") from None
        except (OSError, ValueError) as error:
            raise NotRendered(repository, f"{ANSWERS_FILE} cannot be used, {_first_line(error)}") from error

    def is_as_rendered(self, rendered: RecordedAnswers) -> bool:
        """Whether the answers and their seal are those that a render recorded."""
        return (self.answers, self.seal) == (rendered.answers, rendered.seal)

    def edited_keys(self, rendered: RecordedAnswers) -> list[str]:
        """The keys whose answers differ from those that a render recorded."""
        keys = [*self.answers, *rendered.answers.keys() - self.answers.keys()]
        return [key for key in keys if self.answers.get(key) != rendered.answers.get(key)]


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
