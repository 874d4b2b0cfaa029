"""Every pair of answers, rendered: each file is whole, parses, and belongs to somebody."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.support.combinations import HURTING, VALUES, complete, hurt, label, lives, pairs
from tests.support.template import copy_template
from tests.support.threats import problems_of_threats

HEADER = "Managed by the template; updates merge into this file."
YOURS = re.compile(
    r"README\.md|LICENSE|CODEOWNERS|CHANGELOG\.md|policy\.yaml|tools\.lock\.json|observability/objectives\.yaml|security/procedures-log\.yaml"
    r"|src/[^/]+/notes\.py|src/[^/]+/(tools|resources|prompts)/.*|tests/(tools|resources|prompts)/.*|deploy/kubernetes/overlays/local/.*"
)
WITHOUT_HEADER = re.compile(r"src/[^/]+/py\.typed|\.github/rulesets/.*\.json")
NOT_COUNTED = re.compile(
    r"uv\.lock|\.gitlab/requirements\.txt|tools\.lock\.json|.*/\.terraform\.lock\.hcl|(security|observability)/.*"
)
GENERATED = "includes/dashboard.json.jinja"
OPERATED = re.compile(
    r"\.github/.*|\.gitlab.*|\.ci/.*|\.checkov\.yaml|deploy/.*|Dockerfile|compose\.yaml|renovate\.json|README\.md"
)
"""What a person reads when a pipeline or a deployment fails."""
LONGEST_LINE, LONGEST_WORD = 140, 90
DIGEST = re.compile(r"(?<=@sha256:)[0-9a-f]{64}")
TABLE_ROW = re.compile(r"^\|.*\|$", re.MULTILINE)
SMALLEST, LARGEST = 2_200, 13_500
"""The lines that the stdio default and any answer set at all stay below."""
RICHEST = complete(
    {
        "transport": "both",
        "auth_provider": "okta",
        "deployment": "aws-ecs",
        "regions": "eu-west-1,us-east-1",
        "compliance": ["hipaa", "pci-dss", "fedramp-moderate"],
        "telemetry": "both",
        "replica_state": "redis",
        "ci": "github",
    }
)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template as plain files, so that no render starts git."""
    return copy_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def render(copie: Any, template: Path) -> Callable[..., Path]:
    """Render answers into a new folder."""

    def render(answers: dict[str, Any]) -> Path:
        result = copie.copy(extra_answers=answers, template_dir=template)
        assert result.exception is None, result.exception
        return Path(result.project_dir)

    return render


def files_of(repository: Path) -> Iterator[tuple[str, str]]:
    for file in sorted(path for path in repository.rglob("*") if path.is_file()):
        yield file.relative_to(repository).as_posix(), file.read_text(encoding="utf-8")


PARSERS: dict[str, Callable[[str], Any]] = {
    ".py": ast.parse,
    ".toml": tomllib.loads,
    ".json": json.loads,
    ".yaml": lambda text: list(YAML(typ="safe", pure=True).load_all(text)),
    ".yml": lambda text: list(YAML(typ="safe", pure=True).load_all(text)),
}


OWNER = HURTING[2]["owner"]
EXPRESSIONS = re.compile(
    r"\$\{\{.*?\}\}|\{\{\.?[A-Za-z._]+\}\}|\{\{ (?:[$.]|range|if|else|end)[^{}]*\}\}|"
    + "|".join(map(re.escape, (OWNER, OWNER.replace("{{", r"{{ \"{{\" }}"), "{{ 7\\*7 }} {% raw %} {\\# \\#}")))
)
"""What looks like Jinja and is none: of workflows, of Go, and a name that hurts, also as its reader has it."""


def problems_of(path: str, text: str) -> Iterator[str]:
    """What a strict reader would say of one rendered file."""
    if any(opening in EXPRESSIONS.sub("", text) for opening in ("{{", "{%", "{#")):
        yield "left-over Jinja"
    blank_lines = 3 if path.endswith(".py") else 2
    if "\n" * (blank_lines + 1) in text:
        yield "a run of blank lines"
    if text and (not text.endswith("\n") or text.endswith("\n\n") or text.startswith("\n")):
        yield "not exactly one line break at the end, or one at the start"
    if any(line != line.rstrip() for line in text.splitlines()):
        yield "white space at the end of a line"
    if not text and not path.endswith("py.typed"):
        yield "empty"
    if not YOURS.fullmatch(path) and not WITHOUT_HEADER.fullmatch(path) and HEADER not in text[:300]:
        yield "managed, but does not say so"
    if YOURS.fullmatch(path) and HEADER in text:
        yield "yours, but says that it is managed"
    for line in too_long(path, text):
        yield f"a line that nobody reads: {line}"
    try:
        PARSERS.get(Path(path).suffix, str)(text)
    except Exception as error:  # noqa: BLE001 -- each parser has errors of its own
        yield f"does not parse: {error}"


def too_long(path: str, text: str) -> list[str]:
    """Lines that are longer than a person reads; of Markdown those of its code."""
    if not OPERATED.fullmatch(path) or NOT_COUNTED.fullmatch(path):
        return []
    return breakable("\n".join(text.split("```")[1::2]) if path.endswith(".md") else text)


def breakable(text: str) -> list[str]:
    """Long lines that could be broken, as one of a single word cannot. No digest counts."""
    lines = [DIGEST.sub("", line) for line in text.splitlines()]
    return [line for line in lines if len(line) > LONGEST_LINE and max(map(len, line.split())) < LONGEST_WORD]


def lines_of(repository: Path) -> dict[str, int]:
    """The lines of each file that counts, the longest file first."""
    lines = {path: text.count("\n") for path, text in files_of(repository) if not NOT_COUNTED.fullmatch(path)}
    return dict(sorted(lines.items(), key=lambda item: -item[1]))


def refused_by_tools(repository: Path) -> str:
    """What the repository's own formatter and linter, and a shell, say of it."""
    scripts = [str(path.relative_to(repository)) for path in repository.rglob("*.sh")]
    ruff = (sys.executable, "-m", "ruff")
    checks = [(*ruff, "check", "--no-cache", "."), (*ruff, "format", "--no-cache", "--diff", ".")]
    commands = [*checks, *(("sh", "-n", path) for path in scripts)]
    told = [
        subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False) for command in commands
    ]
    return "".join(done.stdout + done.stderr for done in told if done.returncode)


@pytest.mark.parametrize("answers", [hurt(answers, number) for number, answers in enumerate(pairs())], ids=label)
def test_whatever_the_answers_every_file_is_whole_and_formatted_every_threat_is_answered_and_all_is_small(
    render: Callable[..., Path], answers: dict[str, Any]
) -> None:
    repository = render(answers)
    found = [f"{path}: {problem}" for path, text in files_of(repository) for problem in problems_of(path, text)]
    assert not found
    assert not list(problems_of_threats(repository))
    assert not refused_by_tools(repository)
    assert sum(lines_of(repository).values()) < LARGEST, list(lines_of(repository).items())[:10]


@pytest.mark.parametrize(
    "path, text",
    [
        ("a.txt", f"{HEADER}\n{{{{ left }}}}\n"),
        ("a.txt", f"{HEADER}\n\n\n\nfar\n"),
        ("a.txt", f"{HEADER}"),
        ("a.txt", f"{HEADER} \n"),
        ("a.txt", "no header\n"),
        ("README.md", f"{HEADER}\n"),
        ("a.py", f"# {HEADER}\ndef\n"),
        ("a.toml", f"# {HEADER}\nx\n"),
        ("a.yaml", f"# {HEADER}\nx: [\n"),
        ("a.json", "{,}\n"),
        (".ci/a.sh", f"# {HEADER}\n{'word ' * 28}word\n"),
        ("README.md", f"```sh\n{'word ' * 28}word\n```\n"),
    ],
)
def test_what_is_wrong_with_a_file_is_seen(path: str, text: str) -> None:
    assert list(problems_of(path, text))


@pytest.mark.parametrize("folder", ["template", "includes"])
def test_a_template_has_no_line_that_nobody_reads(template: Path, folder: str) -> None:
    sources = sorted((template / folder).rglob("*.jinja"))
    assert sources
    texts = {path: path.read_text(encoding="utf-8") for path in sources if path != template / GENERATED}
    assert not {path: lines for path, text in texts.items() if (lines := breakable(TABLE_ROW.sub("", text)))}


def test_two_renders_are_the_same_to_the_byte(render: Callable[..., Path]) -> None:
    answers = lives()[-1]
    assert dict(files_of(render(answers))) == dict(files_of(render(answers)))


@pytest.mark.parametrize("answers, limit", [({}, SMALLEST), (RICHEST, LARGEST)], ids=["stdio", "richest"])
def test_a_repository_stays_small(render: Callable[..., Path], answers: dict[str, Any], limit: int) -> None:
    lines = lines_of(render(answers))
    assert sum(lines.values()) < limit, list(lines.items())[:10]


def test_whole_lives_hold_every_value() -> None:
    for name, values in VALUES.items():
        lived = [answers[name] for answers in lives() if name in answers]
        if name == "compliance":
            assert {item for value in values for item in value} == {item for value in lived for item in value}
        else:
            assert {"none", *values} - {"none"} <= set(lived) | {"none"}, name
