"""The questions as `copier.yml` states them, and the answers that a person gives outside of a dialogue."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from scaffold import documents
from scaffold.errors import RefusedError
from scaffold.rendered.answers import ORIGIN_KEY, VERSION_KEY, Answer, Answers
from scaffold.template.declarations import read_declarations

TEXTS = (str, int, float)
"""What YAML may make of a text: `1.0` is a name too."""

NAMING_SOMEBODY = (
    "owner",
    "security_contact",
    "repository_url",
    "public_url",
    "auth_issuer",
    "auth_audience",
    "image_repository",
)
_ROWS = re.compile(r"choices\.of\((\w+)")
_EXAMPLE = re.compile(r"example|\b0{8}-", re.IGNORECASE)


@dataclass(frozen=True)
class Question:
    """One question of `copier.yml`; `default`, `when` and `help` may hold Jinja.

    Attributes:
        choices: Labels by value; empty when any text may be given.
        multiple: Whether the answer is a list of choices.
        when: The condition under which it is asked.
    """

    key: str
    help: str
    choices: Mapping[str, str]
    multiple: bool
    default: object
    when: str

    def to_json(self) -> dict[str, object]:
        """The question as a document."""
        return {
            "key": self.key,
            "help": self.help,
            "choices": [{"value": value, "label": label} for value, label in self.choices.items()],
            "multiple": self.multiple,
            "default": self.default,
            "when": self.when,
        }


@dataclass(frozen=True)
class Given:
    """What is known before anything is asked.

    Attributes:
        answers: Those that have the form that their question takes.
        refused: Why others cannot be taken, by key; or by what else of the call is refused.
        suggested: Defaults that go before the template's.
    """

    answers: Answers
    refused: Mapping[str, str] = field(default_factory=dict)
    suggested: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Questionnaire:
    """All questions in the order in which they are asked, and the names of the values derived from them."""

    questions: Mapping[str, Question]
    derived: frozenset[str]

    @classmethod
    def read(cls, folder: Path) -> Questionnaire:
        """Read `copier.yml` and the files that it includes."""
        entries = read_declarations(folder / "copier.yml").items()
        details = {key: value for key, value in entries if not key.startswith("_")}
        tables = {key: value.get("default") for key, value in details.items() if value.get("when") is False}
        asked = {key: _question(key, value, tables) for key, value in details.items() if key not in tables}
        return cls(asked, frozenset(details.keys() - asked.keys()))

    def examine(self, answers: Mapping[str, object], refused: Mapping[str, str]) -> Given:
        """Check what can be known without the other answers; Copier checks the rest while it renders.

        Returns:
            What can be taken, and what not: what is refused already, and what has an unknown or derived key, or a value
            in a form that its question does not take.
        """
        taken: Answers = {}
        refused = dict(refused)
        for key, value in answers.items():
            if key in refused:
                continue
            try:
                taken[key] = self._accept_one(key, value)
            except RefusedError as error:
                refused[key] = str(error)
        return Given(taken, refused)

    def _accept_one(self, key: str, value: object) -> Answer:
        if key in self.derived:
            raise RefusedError(f"{key} follows from other answers and cannot be set: leave it out.")
        if key not in self.questions:
            raise RefusedError(
                f"{key!r} is no question{did_you_mean(key, self.questions)}: see mcp-scaffold questions."
            )
        question = self.questions[key]
        return _accept_list(question, value) if question.multiple else _accept_text(question, value)


def parse_assignments(
    assignments: Iterable[str], questionnaire: Questionnaire
) -> tuple[dict[str, object], dict[str, str]]:
    """Read `KEY=VALUE` texts: a text stays as it is written, a list is YAML.

    Returns:
        The answers by key, and why others are refused: a text is no assignment, or its key is given twice.
    """
    answers: dict[str, object] = {}
    refused: dict[str, str] = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals or not key:
            refused[assignment] = f"{assignment!r} is no answer: write KEY=VALUE."
            continue
        if key in answers:
            refused[key] = f"{key} is given twice: give it once."
        question = questionnaire.questions.get(key)
        answers[key] = _parse_list(value) if question and question.multiple else value
    return answers, refused


def read_data_file(path: Path) -> dict[str, object]:
    """Read answers from a YAML file; what Copier itself records in one is left out.

    Raises:
        RefusedError: The file cannot be read, or holds no mapping of keys to answers.
    """
    content = documents.read(path)
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise RefusedError(f"{path} must hold a mapping of keys to answers, such as transport: http.")
    return {key: value for key, value in content.items() if key not in (VERSION_KEY, ORIGIN_KEY)}


STILL_AN_EXAMPLE = "Still an example, until mcp-scaffold set KEY=VALUE makes it yours:"
"""Comes before the answers that `placeholders` finds."""


def placeholders(answers: Mapping[str, object]) -> dict[str, str]:
    """The answers that are still an example of ours, not a person's own."""
    named = {key: str(answers[key]) for key in NAMING_SOMEBODY if key in answers}
    return {key: value for key, value in named.items() if _EXAMPLE.search(value)}


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A suggestion to put into a refusal, empty when nothing is near."""
    near = get_close_matches(word, known, n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def _question(key: str, details: Mapping[str, object], tables: Mapping[str, object]) -> Question:
    when = str(details.get("when", "true"))
    return Question(
        key=key,
        help=str(details.get("help", "")),
        choices=_choices(details.get("choices", {}), tables),
        multiple=bool(details.get("multiselect", False)),
        default=details.get("default"),
        when=when.removeprefix("{{").removesuffix("}}").strip(),
    )


def _choices(stated: object, tables: Mapping[str, object]) -> dict[str, str]:
    """Labels by value: they stand there, or an expression makes them from the rows of a table that it names."""
    if isinstance(stated, dict):
        return {_value(choice): str(label) for label, choice in stated.items()}
    table = _ROWS.search(str(stated))
    rows = tables[table[1]] if table else {}
    return {name: row["label"] for name, row in rows.items() if row["label"]} if isinstance(rows, dict) else {}


def _value(choice: object) -> str:
    return str(choice["value"] if isinstance(choice, dict) else choice)


def _parse_list(value: str) -> object:
    """What a YAML text holds; a text that is no YAML stays one, which no list accepts."""
    try:
        return documents.parse(value)
    except ValueError:
        return value


def _not_a_list(key: str) -> RefusedError:
    return RefusedError(f"{key} is a list: write it as YAML, such as -d {key}='[first, second]'.")


def _accept_list(question: Question, value: object) -> Answer:
    if not isinstance(value, list):
        raise _not_a_list(question.key)
    return [_accept_choice(question, item) for item in value]


def _accept_text(question: Question, value: object) -> Answer:
    if isinstance(value, bool) or not isinstance(value, TEXTS):
        raise RefusedError(f"{question.key} is a text: write it in quotes.")
    return _accept_choice(question, value) if question.choices else str(value)


def _accept_choice(question: Question, value: object) -> str:
    text = str(value)
    if text not in question.choices:
        suggestion = did_you_mean(text, question.choices)
        raise RefusedError(f"{question.key} cannot be {text!r}{suggestion}: choose from {', '.join(question.choices)}.")
    return text
