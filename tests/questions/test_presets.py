"""The starting points: each is whole, and each is right."""

from __future__ import annotations

import json
import sys

import pytest

from scaffold import cli
from scaffold.errors import RefusedError
from scaffold.template.presets import find_preset, read_presets
from scaffold.template.questions import Questionnaire
from tests.support.questionnaire import QuestionsOnly
from tests.support.template import CHECKOUT

PRESETS = read_presets(CHECKOUT)
# What only the provider's console knows, so that no preset can.
FROM_THE_CONSOLE = {"entra": {"auth_audience": "11111111-2222-4333-8444-555555555555"}}


@pytest.fixture(scope="module")
def questions(tmp_path_factory) -> QuestionsOnly:
    return QuestionsOnly(tmp_path_factory.mktemp("questions"))


@pytest.mark.parametrize("preset", PRESETS.values(), ids=list(PRESETS))
def test_every_answer_of_a_preset_is_accepted_and_asked_for(questions, preset):
    assert Questionnaire.read(CHECKOUT).examine(preset.answers, {}).refused == {}
    known = FROM_THE_CONSOLE.get(preset.answers.get("auth_provider"), {})
    recorded = questions.answer(**preset.answers, **known).recorded
    assert {key: recorded.get(key) for key in preset.answers} == preset.answers


def test_presets_differ_and_are_described():
    described = {preset.description for preset in PRESETS.values()}
    answered = {json.dumps(preset.answers) for preset in PRESETS.values()}
    assert len(described) == len(answered) == len(PRESETS)
    assert all(described)


def test_an_unknown_preset_is_refused_with_the_nearest():
    with pytest.raises(RefusedError, match=r"did you mean kubernetes-keycloak\?.*local-stdio"):
        find_preset(PRESETS, "kubernetes-keyclaok")


def test_presets_are_told_in_words_and_as_a_document(monkeypatch, capsys):
    words = _run(monkeypatch, capsys, "presets")
    document = json.loads(_run(monkeypatch, capsys, "presets", "--json"))
    assert [preset["name"] for preset in document["presets"]] == list(PRESETS)
    assert all(name in words for name in PRESETS)


def test_questions_are_told_in_words_and_as_a_document(monkeypatch, capsys):
    words = _run(monkeypatch, capsys, "questions")
    document = json.loads(_run(monkeypatch, capsys, "questions", "--json"))
    keys = [question["key"] for question in document["questions"]]
    assert keys[0] == "project_name"
    assert all(f"{key}: " in words for key in keys)
    transport = document["questions"][keys.index("transport")]
    assert [choice["value"] for choice in transport["choices"]] == ["stdio", "http", "both"]
    assert "{{" not in words


def _run(monkeypatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    monkeypatch.setattr(sys, "argv", ["mcp-scaffold", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    return capsys.readouterr().out
