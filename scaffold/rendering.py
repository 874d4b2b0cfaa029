"""A render, by Copier's public API."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

from scaffold import documents
from scaffold.answers import Answers
from scaffold.errors import RefusedError, RenderError
from scaffold.source import TemplateSource

ANSWERS_FILE = ".copier-answers.yml"

# Copier puts these before a refusal, which names its key itself.
_REFUSAL = re.compile(r"(?:Validation error for question|Invalid choice for) '\w+': (?P<sentence>.+)", re.DOTALL)
# A git hook that runs this command would redirect every git process of it.
_REDIRECTIONS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX")


@dataclass(frozen=True)
class Render:
    """What a render gave: the answers that the repository records, and what Copier warned of."""

    answers: Answers
    warnings: list[str]


def prepare(source: TemplateSource, scratch: Path) -> None:
    """Set the environment that Copier reads when it is imported, then import it while the caller goes on."""
    for name in _REDIRECTIONS:
        os.environ.pop(name, None)
    os.environ.update(source.environment())
    os.environ["COPIER_CACHE_DIR"] = str(scratch / "cache")
    Thread(target=_import_copier, daemon=True).start()


def render_with_defaults(source: TemplateSource, answers: Answers, repository: Path) -> Render:
    """Render; a question without an answer takes its default.

    Raises:
        RefusedError: An answer is refused.
        RenderError: The template cannot be rendered.
    """
    return _render(source, repository, data=answers, defaults=True)


def render_with_dialogue(source: TemplateSource, answers: Answers, repository: Path) -> Render:
    """Render; Copier asks each question that has no answer.

    Raises:
        RefusedError: An answer is refused.
        RenderError: The template cannot be rendered.
    """
    return _render(source, repository, data=answers, defaults=False)


def recorded_answers(repository: Path) -> Answers:
    """The answers that a rendered repository records, without what Copier keeps for itself."""
    recorded = documents.read(repository / ANSWERS_FILE)
    if not isinstance(recorded, dict):
        raise RenderError(f"{ANSWERS_FILE} holds no answers.")
    return {key: value for key, value in recorded.items() if not key.startswith("_")}


def _import_copier() -> None:
    import copier  # noqa: F401, PLC0415 -- slow, so meanwhile


def _render(source: TemplateSource, repository: Path, **options: Any) -> Render:  # noqa: ANN401 -- Copier's own
    import copier  # noqa: PLC0415 -- slow, and only after `prepare`

    with warnings.catch_warnings(record=True) as caught, _told_in_sentences():
        warnings.simplefilter("always", UserWarning)
        copier.run_copy(
            source.url, repository, vcs_ref=source.ref, settings=copier.Settings(), quiet=True, **options
        )
    return Render(recorded_answers(repository), sorted({str(warning.message) for warning in caught}))


@contextmanager
def _told_in_sentences() -> Iterator[None]:
    """Turn what Copier and its libraries raise into this project's errors."""
    from copier.errors import CopierError  # noqa: PLC0415 -- as above
    from jinja2 import TemplateError  # noqa: PLC0415
    from plumbum import ProcessExecutionError  # noqa: PLC0415

    try:
        yield
    except KeyboardInterrupt:
        raise
    except ProcessExecutionError as error:
        raise RenderError(f"git failed on the template: {_last_line(error.stderr)}") from error
    except (CopierError, TemplateError, ValueError) as error:
        if refusal := _REFUSAL.fullmatch(str(error)):
            raise RefusedError(" ".join(refusal["sentence"].split())) from error
        raise RenderError(f"The template cannot be rendered: {_last_line(str(error))}") from error


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2] or "it gave no reason."
