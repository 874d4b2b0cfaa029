"""`mcp-scaffold questions`: what can be answered, and how."""

from __future__ import annotations

from scaffold.console import conclude, shown
from scaffold.template.questions import Question, Questionnaire
from scaffold.template.source import template_source


def show_questions(*, json: bool) -> None:
    """Print every question in the order in which it is asked."""
    questions = Questionnaire.read(template_source().questions).questions.values()
    document = {"questions": [question.to_json() for question in questions]}
    conclude(document, "\n\n".join(map(_words, questions)), json=json)


def _words(question: Question) -> str:
    asked, _, teaching = question.help.partition("\n")
    lines = [f"{question.key}: {asked}", *(f"  {line}" for line in teaching.splitlines() if "{{" not in line)]
    if question.choices:
        lines.append(f"  {'Any of' if question.multiple else 'One of'}: {', '.join(question.choices)}")
    if default := _default(question.default):
        lines.append(f"  Default: {default}")
    if question.when != "true":
        lines.append(f"  Asked when: {question.when}")
    return "\n".join(lines)


def _default(default: object) -> str:
    """The default in words, empty where an answer is needed."""
    text = shown(default)
    if "UNSET" in text and "{%" not in text:
        return ""
    return "follows from the other answers" if "{" in text else {"[]": "none"}.get(text, text)
