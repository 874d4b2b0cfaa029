"""Renders the template, by Copier's public API."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Thread
from unittest.mock import patch

import yaml

from scaffold.errors import RefusedAnswer, RefusedError, RenderError
from scaffold.rendered.answers import ANSWERS_FILE, ORIGIN_KEY, VERSION_KEY, Answers, RecordedAnswers
from scaffold.template.questions import Given
from scaffold.template.source import TemplateSource
from scaffold.template.unpacking import SEPARATOR, unpack

# Copier puts this before a refusal, which names its key itself.
_REFUSAL = re.compile(
    r"(?:Validation error for question|Invalid choice for) '(?P<key>\w+)': (?P<sentence>.+)", re.DOTALL
)
_CONDITION = re.compile(r"applies only when (?P<key>\w+) ")
_REQUIRED = re.compile(r'Question "(?P<key>\w+)" is required')
_NEEDS_JINJA = re.compile(r"[{\r\n]")
_ORIGIN = re.compile(rf"^{ORIGIN_KEY}:.*\n(?: .*\n)*", re.MULTILINE)


@dataclass(frozen=True)
class Render:
    """The result of a render: the template's version, the answers that the repository records, and warnings."""

    version: str
    answers: Answers
    warnings: list[str]


class Renderer:
    """Renders one template into a workspace.

    Copier is given the template as plain files and no git: on a git source it would clone once more and start one git
    process a file. What it would have recorded about the origin is recorded here, the same to the byte.

    Answers that the repository's folder already records count where a question still takes them; a question that is no
    longer asked, or takes other answers, has its default.

    Attributes:
        template: Where the template lies once something is rendered.
    """

    def __init__(self, source: TemplateSource, folder: Path) -> None:
        """Begin to import Copier, which takes a while, in the background."""
        self._source = source
        self.template = folder / "template"
        Thread(target=_import_copier, daemon=True).start()

    def with_defaults(self, answers: Answers, repository: Path) -> Render:
        """Render; a question without an answer takes its default.

        Raises:
            RefusedError: Answers are refused; it has a sentence for each.
            RenderError: The template cannot be rendered.
        """
        render, refusals = self.without_refused(Given(answers), repository)
        if refusals.by_key:
            raise RefusedError(*refusals.sentences)
        return render

    def without_refused(self, given: Given, repository: Path) -> tuple[Render, Refusals]:
        """Render without the answers that are refused, and return why they are.

        A question without an answer takes what is suggested for it and fits, else its default.

        Raises:
            RefusedError: A default is refused, so that nothing can be left out to look further.
            RenderError: The template cannot be rendered.
        """
        refusals = Refusals(dict(given.refused))
        suggested = dict(given.suggested)
        while True:
            taken = {key: value for key, value in given.answers.items() if key not in refusals.by_key}
            try:
                render = self._render(taken, repository, suggested, defaults=True)
            except RefusedAnswer as error:
                if error.key in taken or suggested.pop(error.key, None) is None:
                    refusals.add(error, taken)
            except RefusedError as error:
                raise RefusedError(*refusals.sentences, *error.sentences) from error
            else:
                return render, refusals

    def with_dialogue(self, answers: Answers, repository: Path, suggested: Mapping[str, str]) -> Render:
        """Render; Copier asks each question that has no answer.

        Raises:
            RefusedError: An answer is refused.
            RenderError: The template cannot be rendered.
        """
        return self._render(answers, repository, suggested, defaults=False)

    def _render(self, answers: Answers, repository: Path, suggested: Mapping[str, str], *, defaults: bool) -> Render:
        if not self.template.exists():
            unpack(self._source, self.template)
        version = self._source.version
        with _without_git(), _reading_once(), _errors_as_sentences(), warnings.catch_warnings(record=True) as caught:
            import copier  # noqa: PLC0415 -- slow

            copier.run_copy(
                str(self.template),
                repository,
                data=dict(answers),
                user_defaults=dict(suggested),
                defaults=defaults,
                settings=copier.Settings(),
                overwrite=True,
                quiet=True,
            )
        commit = version.removesuffix("-dirty")
        _record_origin(repository / ANSWERS_FILE, {VERSION_KEY: commit, ORIGIN_KEY: self._source.url})
        notices = [str(warning.message) for warning in caught if issubclass(warning.category, UserWarning)]
        if commit != version:
            notices.append(f"The template has uncommitted changes; updates will compare with {commit}.")
        return Render(version, RecordedAnswers.read(repository).answers, notices)


@dataclass
class Refusals:
    """Why answers of one call are refused, by key; a text is empty where it only follows from another refusal."""

    by_key: dict[str, str]

    @property
    def sentences(self) -> list[str]:
        """The reasons to print."""
        return [sentence for sentence in self.by_key.values() if sentence]

    def add(self, error: RefusedAnswer, answers: Answers) -> None:
        """Note a refusal; one of no given answer ends the search for more.

        Raises:
            RefusedError: It is about a default, so that nothing can be left out to look further.
        """
        if error.key not in answers:
            raise RefusedError(*self.sentences, *error.sentences) from error
        condition = _CONDITION.search(str(error))
        self.by_key[error.key] = "" if condition and condition["key"] in self.by_key else str(error)


def _import_copier() -> None:
    import copier  # noqa: F401, PLC0415 -- slow, so meanwhile


def _record_origin(answers_file: Path, origin: dict[str, str]) -> None:
    text = answers_file.read_text(encoding="utf-8")
    lines = yaml.safe_dump(origin, allow_unicode=True)
    answers_file.write_text(_ORIGIN.sub(lambda _: lines, text, count=1), encoding="utf-8", newline="\n")


@contextmanager
def _without_git() -> Iterator[None]:
    from plumbum import local  # noqa: PLC0415 -- slow

    with local.env(PATH=os.devnull):
        yield


@dataclass(frozen=True)
class _Plain:
    """What takes the place of a compiled text that holds no Jinja."""

    text: str

    def render(self, *_: object, **__: object) -> str:
        return self.text


@contextmanager
def _reading_once() -> Iterator[None]:
    """Compile each text once, however often it is rendered, and read YAML with libyaml where it is there.

    A template with Copier's `yield` tag would need each text compiled anew; this one has none. Most texts are names of
    files and values of choices, of one line and without Jinja but for separators: they need not be compiled at all.
    """
    from jinja2 import Environment, Template  # noqa: PLC0415 -- slow

    compile_text = Environment.from_string

    @cache
    def compile_once(environment: Environment, text: object) -> Template | _Plain:
        if not isinstance(text, str):
            return compile_text(environment, text)  # type: ignore[arg-type]  # raises what Copier waits for
        text = text.replace(SEPARATOR, os.sep)
        return compile_text(environment, text) if _NEEDS_JINJA.search(text) else _Plain(text)

    read_quickly = patch.object(yaml, "SafeLoader", getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    with patch.object(Environment, "from_string", compile_once), read_quickly:
        yield


@contextmanager
def _errors_as_sentences() -> Iterator[None]:
    """Turn what Copier and its libraries raise into this project's errors."""
    from copier.errors import CopierError  # noqa: PLC0415 -- slow
    from jinja2 import TemplateError  # noqa: PLC0415 -- slow, and not for every command

    try:
        yield
    except KeyboardInterrupt:
        raise
    except (CopierError, TemplateError, ValueError) as error:
        if refusal := _REFUSAL.fullmatch(str(error)):
            raise RefusedAnswer(refusal["key"], " ".join(refusal["sentence"].split())) from error
        if required := _REQUIRED.fullmatch(str(error)):
            key = required["key"]
            raise RefusedError(f"{key} has no default with these answers: answer it too, as {key}=VALUE.") from error
        raise RenderError(f"The template cannot be rendered: {' '.join(str(error).split())}") from error
