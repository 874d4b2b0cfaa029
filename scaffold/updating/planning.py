"""Plans an update or a change of answers: renders the template before and after it, and compares the results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from scaffold.errors import RefusedError
from scaffold.rendered.answers import ANSWERS_FILE, Answers, RecordedAnswers
from scaffold.rendered.repository import LOCK_FILE
from scaffold.template.ownership import Ownership
from scaffold.template.questions import Given, Questionnaire, parse_assignments
from scaffold.template.rendering import Refusals, Renderer
from scaffold.updating.carrying import Carrying
from scaffold.updating.comparison import Comparison, FileOutcome, RenderedTree, without_hidden_edits, without_obstacles
from scaffold.updating.history import History
from scaffold.updating.living_repository import LivingRepository
from scaffold.updating.moves import read_moves
from scaffold.updating.plan import FileChange, Kind, Plan, QuestionChange
from scaffold.updating.questions import carry, question_changes, read_renames
from scaffold.updating.security import security_delta
from scaffold.updating.trees import Entry, Workshop


@dataclass(frozen=True)
class WorkshopRender:
    """A render in the workshop.

    Attributes:
        recorded: What it records.
        template: Where the template lies that it came from.
        refusals: Why answers that were given cannot be taken.
        ousted: Why answers that were recorded before cannot stay, by key.
    """

    render: RenderedTree
    recorded: RecordedAnswers
    template: Path
    warnings: list[str]
    refusals: Refusals
    ousted: dict[str, str]


@dataclass(frozen=True)
class Planner:
    """Plans changes of one living repository, in a folder that is removed afterwards."""

    living: LivingRepository
    history: History
    workshop: Workshop
    folder: Path

    def update(self, target: str) -> Plan:
        """Plan an update to a version of the template.

        Raises:
            RefusedError: The answers file was edited by hand, or an answer is no longer taken.
            RenderError: One of the two versions cannot be rendered.
        """
        recorded = self.living.recorded
        base = self._base(f"template {recorded.version}")
        renames = self._renames(target)
        theirs = self._render("new", target, carry(recorded.answers, renames), Given({}), f"template {target}")
        questions = question_changes(recorded.answers, theirs.recorded.answers, renames)
        refused = [change for change in questions if change.kind == "changed" or _lost_its_value(change)]
        warnings = [
            f"The template no longer takes {change.before!r} for {change.key}: it would become {change.value!r}. "
            f"{theirs.ousted.get(change.key, '')}".rstrip()
            for change in refused
        ]
        return self._plan(base, theirs, frozenset(), questions, warnings)

    def change_answers(self, assignments: Iterable[str]) -> Plan:
        """Plan a change of answers, at the version that the repository has.

        Raises:
            RefusedError: The answers file was edited by hand, or an answer is not taken.
            RenderError: The template cannot be rendered.
        """
        recorded = self.living.recorded
        base = self._base(f"template {recorded.version}, answers as they were")
        questionnaire = Questionnaire.read(base.template)
        given = questionnaire.examine(*parse_assignments(assignments, questionnaire))
        label = f"template {recorded.version}, answers as set"
        theirs = self._render("new", recorded.version, recorded.answers, given, label)
        questions = question_changes(recorded.answers, theirs.recorded.answers, {})
        settled = given.answers.keys() | theirs.refusals.by_key.keys()
        refused = [
            *theirs.refusals.sentences,
            *_unasked(given.answers.keys() - theirs.refusals.by_key.keys(), theirs.recorded.answers),
            *_side_effects(settled, questions, theirs.ousted),
        ]
        if refused:
            raise RefusedError(*refused)
        fresh = theirs.render.files.keys() - base.render.files.keys() - self._ours().keys()
        candidates = {path for path in fresh if theirs.render.owners.of(path) == "yours"}
        seeds = frozenset(candidates - self.living.ever_held(candidates))
        return self._plan(base, theirs, seeds, questions, [])

    def _base(self, label: str) -> WorkshopRender:
        recorded = self.living.recorded
        base = self._render("old", recorded.version, recorded.answers, Given({}), label)
        if not recorded.is_as_rendered(base.recorded):
            edited = recorded.edited_keys(base.recorded)
            keys = f" ({', '.join(edited)})" if edited else ""
            raise RefusedError(
                f"{ANSWERS_FILE} was edited by hand{keys}: bring it back from git, "
                "then change answers with mcp-scaffold set KEY=VALUE."
            )
        return base

    def _renames(self, target: str) -> dict[str, str]:
        """The questions' new names, from the newer template."""
        shown = self.history.git.run("show", f"{target}:renamed.yml")
        folder = self.folder / "renames"
        folder.mkdir()
        if shown.returncode == 0:
            (folder / "renamed.yml").write_bytes(shown.stdout)
        return read_renames(folder)

    def _render(self, name: str, version: str, answers: Answers, given: Given, label: str) -> WorkshopRender:
        folder = self.folder / name
        repository = _with_answers(folder / "repository", answers)
        renderer = Renderer(self.history.source(version, folder), folder)
        rendered, refusals = renderer.without_refused(given, repository)
        tree = self.workshop.tree_of_folder(repository)
        render = RenderedTree(tree, self.workshop.read(tree), Ownership.read(renderer.template), label)
        recorded = RecordedAnswers.read(repository)
        taken = {key: value for key, value in given.answers.items() if key not in refusals.by_key}
        replaced = _replaced({**answers, **taken}, recorded.answers)
        ousted = {}
        if replaced:
            # Copier replaces a recorded answer by its default in silence, and refuses a given one aloud.
            beside = _with_answers(folder / "ousted", answers)
            _, why = renderer.without_refused(Given({**taken, **replaced}), beside)
            ousted = {key: sentence for key, sentence in why.by_key.items() if key in replaced}
        return WorkshopRender(render, recorded, renderer.template, rendered.warnings, refusals, ousted)

    def _ours(self) -> dict[str, Entry]:
        return self.workshop.read(self.living.head)

    def _plan(
        self,
        base: WorkshopRender,
        theirs: WorkshopRender,
        seeds: frozenset[str],
        questions: list[QuestionChange],
        warnings: list[str],
    ) -> Plan:
        ours = self._ours()
        moves = read_moves(theirs.template, theirs.recorded.answers)
        comparison = Comparison(self.workshop, base.render, theirs.render, ours, seeds, moves)
        carried, told = _carrying(self.workshop, comparison, theirs).carry(comparison.outcomes(), ours)
        visible = without_hidden_edits(carried, self.living.hidden_edits())
        outcomes = without_obstacles(visible, ours, self.living.path)
        writes = {path: entry for outcome in outcomes for path, entry in outcome.writes.items()}
        tree = self.workshop.changed_tree(f"{self.living.head}^{{tree}}", writes)
        result = {path: entry for path, entry in {**ours, **writes}.items() if entry is not None}
        delta = security_delta(
            self.workshop,
            base.render.files,
            theirs.render.files,
            result,
            lambda path: comparison.owner(path) == "managed",
        )
        return Plan(
            before=base.recorded.version,
            after=theirs.recorded.version,
            tree=tree,
            carried=self.workshop.folder_of_trees(tree, base.render.id, theirs.render.id),
            keeps_lock=LOCK_FILE in result,
            files=self._with_diffs(outcomes, tree, base.render.id, theirs.render.id),
            questions=questions,
            security=delta,
            warnings=[*warnings, *told, *theirs.warnings],
        )

    def _with_diffs(self, outcomes: list[FileOutcome], tree: str, base: str, theirs: str) -> list[FileChange]:
        changes = [outcome.change for outcome in outcomes]
        unchanged = [change.path for change in changes if change.kind in (Kind.ADVISORY, Kind.KEPT, Kind.LOST)]
        diffs = self.workshop.diffs(f"{self.living.head}^{{tree}}", tree)
        advice = self.workshop.diffs(base, theirs, unchanged) if unchanged else {}
        return [replace(change, diff=diffs.get(change.path, advice.get(change.path, ""))) for change in changes]


def _carrying(workshop: Workshop, comparison: Comparison, theirs: WorkshopRender) -> Carrying:
    package = str(theirs.recorded.answers.get("package_name", ""))
    return Carrying(workshop, package, comparison.renames, theirs.render.files, theirs.render.owners)


def _lost_its_value(change: QuestionChange) -> bool:
    return change.kind == "renamed" and change.value != change.before


def _unasked(keys: AbstractSet[str], recorded: Answers) -> list[str]:
    return [
        f"{key} is not asked with these answers: leave it out, or change what it depends on."
        for key in sorted(keys - recorded.keys())
    ]


def _with_answers(repository: Path, answers: Answers) -> Path:
    repository.mkdir(parents=True)
    (repository / ANSWERS_FILE).write_text(yaml.safe_dump(answers), encoding="utf-8")
    return repository


def _replaced(answers: Answers, recorded: Answers) -> Answers:
    return {key: value for key, value in answers.items() if key in recorded and recorded[key] != value}


def _side_effects(settled: AbstractSet[str], questions: list[QuestionChange], ousted: Mapping[str, str]) -> list[str]:
    """An answer that nobody gave must not change."""
    return [
        f"{change.key} cannot stay {change.before!r} with these answers: "
        + ousted.get(change.key, f"set it too, such as {change.key}={change.value!r}.")
        for change in questions
        if change.kind == "changed" and change.key not in settled
    ]
