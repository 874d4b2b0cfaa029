"""`mcp-scaffold new`: render, lock, prove, commit, move."""

from __future__ import annotations

import tempfile
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from pathlib import Path

from scaffold import console, dialogue, hooks
from scaffold.errors import ExitStatus, ProofError, RefusedError, UnavailableError, noted
from scaffold.rendered.answers import Answers
from scaffold.suggestions import suggest
from scaffold.template.ownership import OwnedFile, Ownership
from scaffold.template.presets import find_preset, read_presets
from scaffold.template.questions import (
    STILL_AN_EXAMPLE,
    Given,
    Questionnaire,
    parse_assignments,
    placeholders,
    read_data_file,
)
from scaffold.template.rendering import Render, Renderer
from scaffold.template.source import TemplateSource, template_source
from scaffold.workspace import Workspace, free_destination, workspace


@dataclass(frozen=True)
class Request:
    """What the command line asks for."""

    destination: Path
    preset: str | None
    assignments: tuple[str, ...]
    data_file: Path | None
    defaults: bool
    plan: bool
    json: bool
    lock: bool
    prove: bool
    git: bool

    @property
    def asks(self) -> bool:
        """Whether a person is there and wants to be asked."""
        return console.is_interactive() and not self.defaults and not self.json


@dataclass
class Outcome:
    """What was rendered, and which of the later steps were done (`steps`)."""

    destination: Path
    source: TemplateSource
    version: str
    answers: Answers
    files: list[OwnedFile]
    warnings: list[str]
    steps: dict[str, bool] = field(default_factory=dict)
    exit_status: ExitStatus = ExitStatus.DONE

    def to_json(self) -> dict[str, object]:
        """The outcome as a document; `files` are those that the template renders."""
        return {
            "destination": str(self.destination),
            "answers": self.answers,
            "files": [{"path": file.path, "owner": file.owner} for file in self.files],
            **self.steps,
            "placeholders": list(placeholders(self.answers)),
            "template": {"source": self.source.url, "version": self.version},
            "warnings": self.warnings,
        }

    def counted_files(self) -> str:
        """How many files there are, and whose they are."""
        yours = sum(file.owner == "yours" for file in self.files)
        return f"{len(self.files)} files ({len(self.files) - yours} managed, {yours} yours)"


def create(request: Request) -> ExitStatus:
    """Make a repository at the requested destination, or print what would be made.

    Returns:
        The exit status: 0, or 4 when the repository is there and its proof failed.

    Raises:
        RefusedError: The destination or an answer cannot be taken, or an answer is missing.
        ScaffoldError: Rendering or locking failed; nothing is left behind.
        Interrupted: A signal or the person ended the work; nothing is left behind.
    """
    refused: dict[str, str] = {}
    # Where a destination is refused, the answers are looked at elsewhere, and refused with it.
    destination, beside = request.destination, Path(tempfile.gettempdir()) / "refused"
    with noted(refused, "DEST"):
        destination = beside = free_destination(request.destination)
    source = template_source()
    given = replace(_given(request, source, refused), suggested=suggest(destination))
    with workspace(beside) as work:
        renderer = Renderer(source, work.folder)
        if request.asks:
            render = _render_with_dialogue(request, source, renderer, given, work.repository)
        else:
            render = _render_unasked(request, renderer, given, work.repository)
        files = Ownership.read(source.questions).files(work.repository)
        outcome = Outcome(destination, source, render.version, render.answers, files, render.warnings)
        if not request.plan:
            if request.git:
                work.take_git()
            _finish(request, outcome, work)
            work.deliver()
    words = _plan(outcome) if request.plan else _summary(outcome)
    console.conclude(outcome.to_json(), words, outcome.warnings, json=request.json)
    return outcome.exit_status


def _given(request: Request, source: TemplateSource, refused: dict[str, str]) -> Given:
    """The answers of the command line; an option overrides the file, and the file the preset.

    Raises:
        RefusedError: A preset or a file gives none, so that what depends on its answers cannot be judged.
    """
    questionnaire = Questionnaire.read(source.questions)
    unread: dict[str, str] = {}
    answers: dict[str, object] = {}
    with noted(unread, "--preset"):
        answers |= find_preset(read_presets(source.questions), request.preset).answers if request.preset else {}
    with noted(unread, "--data-file"):
        answers |= read_data_file(request.data_file) if request.data_file else {}
    assigned, no_answers = parse_assignments(request.assignments, questionnaire)
    given = questionnaire.examine({**answers, **assigned}, {**refused, **unread, **no_answers})
    if unread:
        raise RefusedError(*given.refused.values())
    return given


def _render_unasked(request: Request, renderer: Renderer, given: Given, repository: Path) -> Render:
    with console.PROGRESS.step("Rendering"):
        render, refusals = renderer.without_refused(given, repository)
    missing = [] if request.defaults else _unanswered(render, given, refusals.by_key.keys(), renderer.template)
    if missing:
        refusals.by_key["--defaults"] = (
            f"Nobody can be asked here, and there is no answer to {', '.join(missing)}: "
            "give each with -d KEY=VALUE, or take what is usual with --defaults."
        )
    if refusals.by_key:
        raise RefusedError(*refusals.sentences)
    return render


def _unanswered(render: Render, given: Given, refused: AbstractSet[str], template: Path) -> list[str]:
    """The questions without an answer, but for those that may not be asked, as a refused answer decides that."""
    return [
        key
        for key, question in Questionnaire.read(template).questions.items()
        if key in render.answers.keys() - given.answers.keys() and refused.isdisjoint([key, *question.when.split()])
    ]


def _render_with_dialogue(
    request: Request, source: TemplateSource, renderer: Renderer, given: Given, repository: Path
) -> Render:
    if given.refused:
        raise RefusedError(*given.refused.values())
    preset = {} if request.preset else dialogue.pick_preset(read_presets(source.questions))
    render = renderer.with_dialogue({**preset, **given.answers}, repository, given.suggested)
    if not request.plan:
        dialogue.confirm(render.answers, request.destination)
    return render


def _finish(request: Request, outcome: Outcome, work: Workspace) -> None:
    """Lock, prove and commit; a step that lacks a tool or the network is left out, with a warning."""
    message = f"Render {outcome.answers['project_slug']} from mcp-scaffold {outcome.version}"
    steps = outcome.steps
    steps["locked"] = request.lock and console.PROGRESS.attempt(
        "Locking", lambda: hooks.lock(work.repository), outcome.warnings
    )
    steps["proven"] = request.prove and _is_proven(outcome, work)
    steps["committed"] = request.git and console.PROGRESS.attempt(
        "Committing", lambda: hooks.commit_all(work.repository, message), outcome.warnings
    )


def _is_proven(outcome: Outcome, work: Workspace) -> bool:
    """Whether the proof passed; a failed one keeps the repository, and decides the exit status."""
    try:
        return console.PROGRESS.attempt("Proving", lambda: _prove(outcome, work), outcome.warnings)
    except ProofError as error:
        outcome.warnings.append(str(error))
        outcome.exit_status = error.exit_status
        return False


def _prove(outcome: Outcome, work: Workspace) -> None:
    """Install, boot and probe the repository; what was found stays in its `proof.json`."""
    if not outcome.steps["locked"]:
        raise UnavailableError("There is no uv.lock to install from: run uv lock, then mcp-scaffold prove.")
    from scaffold.proof import prove_repository  # noqa: PLC0415 -- slow, and not for --no-prove

    report = prove_repository(work.repository, environment=work.folder / "environment", progress=console.PROGRESS.part)
    report.write(work.repository)
    if not report.passed:
        raise ProofError(f"The proof failed ({report.named_failures}); proof.json says more.")


def _plan(outcome: Outcome) -> str:
    lines = [f"{file.owner:<8} {file.path}" for file in outcome.files]
    return "\n".join([*lines, "", f"{outcome.destination} would hold {outcome.counted_files()}. Nothing was written."])


def _summary(outcome: Outcome) -> str:
    done = ", ".join(["rendered", *(step for step, succeeded in outcome.steps.items() if succeeded)])
    steps = hooks.next_steps(
        outcome.destination,
        outcome.answers,
        locked=outcome.steps["locked"],
        committed=outcome.steps["committed"],
    )
    paragraphs = [f"{outcome.destination} holds {outcome.counted_files()}: {done}.", steps]
    if examples := placeholders(outcome.answers):
        lines = [f"  {key}: {value}" for key, value in examples.items()]
        paragraphs.append("\n".join([STILL_AN_EXAMPLE, *lines]))
    return "\n\n".join(paragraphs)
