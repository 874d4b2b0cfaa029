"""Names and texts in a whole repository: none hides a dependency, and none breaks a file that it stands in."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import Environment, nodes

from scaffold import hooks
from scaffold.template.declarations import read_declarations
from scaffold.template.rendering import Renderer
from scaffold.template.source import template_source
from tests.support.template import CHECKOUT

WIDEST = {
    "transport": "both",
    "auth_provider": "keycloak",
    "deployment": "kubernetes",
    "compliance": ["pci-dss"],
    "telemetry": "both",
    "replica_state": "redis",
}
HOSTILE = {
    "project_name": 'Bob\'s "MCP" \\ {{ 7*7 }} </script> $(x) 👍',
    "description": 'a: "b" # c {% raw %} \\ ` <!-- --> \'\'\' """ [x](y)',
    "owner": '- O\'Brien: & Söhne, "[Inc]" \\n',
}
PARSERS: dict[str, Callable[[str], object]] = {
    ".json": json.loads,
    ".py": lambda text: compile(text, "rendered", "exec"),
    ".toml": tomllib.loads,
    ".yaml": lambda text: list(yaml.safe_load_all(text)),
    ".yml": lambda text: list(yaml.safe_load_all(text)),
}


def render(folder: Path, **answers: Any) -> Path:
    repository = folder / "repository"
    Renderer(template_source(), folder).with_defaults(answers, repository)
    return repository


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_hostile_texts_break_no_file(tmp_path, ci):
    repository = render(tmp_path, **WIDEST, **HOSTILE, ci=ci)
    for file in repository.rglob("*"):
        if file.suffix in PARSERS:
            PARSERS[file.suffix](file.read_text(encoding="utf-8"))
    recorded = yaml.safe_load((repository / ".copier-answers.yml").read_text(encoding="utf-8"))
    assert {key: recorded[key] for key in HOSTILE} == HOSTILE
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["description"] == HOSTILE["description"]
    assert "49" not in (repository / "README.md").read_text(encoding="utf-8").partition("\n")[0]


@pytest.mark.network
def test_every_locked_name_is_reserved(tmp_path):
    repository = render(tmp_path, **WIDEST)
    hooks.lock(repository)
    packages = tomllib.loads((repository / "uv.lock").read_text(encoding="utf-8"))["package"]
    locked = {package["name"] for package in packages if package["source"] != {"editable": "."}}
    reserved = read_declarations(CHECKOUT / "copier.yml")["reserved"]["default"]["distributions"]
    assert locked <= set(reserved.split())


def test_a_package_cannot_hide_behind_a_module_of_its_tests():
    modules = {path.name.split(".")[0] for path in (CHECKOUT / "template" / "tests").iterdir()}
    importable = {name for name in modules if name not in ("runtime", "tools")}
    reserved = yaml.safe_load((CHECKOUT / "data" / "reserved.yml").read_text(encoding="utf-8"))["reserved"]["default"]
    assert importable <= set(reserved["modules"].split())


# What a text goes through


TEXTS = frozenset({"project_name", "description", "owner"})
ADDRESSES = frozenset({"public_url", "auth_issuer", "auth_audience", "auth_scope_prefix", "repository_url"})
"""Their characters mean nothing in YAML, Markdown or a shell; a line of code can still become too long."""
MACROS = frozenset({"literal", "python", "assignment", "strings", "label", "markdown"})
CODE = (".py.jinja", ".toml.jinja", ".json.jinja", "Dockerfile.jinja")
SOURCES = sorted(
    path for folder in ("template", "includes") for path in (CHECKOUT / folder).rglob("*") if path.suffix == ".jinja"
)


def raw_uses(source: str, names: frozenset[str]) -> list[str]:
    """The answers among these that a template writes, or hands on, without a macro of the language around them."""
    return sorted({name.name for name in _unwrapped(Environment().parse(source)) if name.name in names})


def _unwrapped(node: nodes.Node) -> Iterator[nodes.Name]:
    """The names that a node writes: not those in a condition, nor those that a macro is called with."""
    if isinstance(node, nodes.Name):
        yield node
    if isinstance(node, nodes.Compare) or (isinstance(node, nodes.Call) and getattr(node.node, "name", "") in MACROS):
        return
    skipped = ("test",) if isinstance(node, nodes.If | nodes.CondExpr) else ()
    for child in node.iter_child_nodes(exclude=skipped):
        yield from _unwrapped(child)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(CHECKOUT).as_posix())
def test_no_template_writes_an_answer_as_it_is(path):
    if path.name != "validation.jinja":
        names = TEXTS | ADDRESSES if path.name.endswith(CODE) else TEXTS
        assert raw_uses(path.read_text(encoding="utf-8"), names) == []


@pytest.mark.parametrize(
    "source, raw",
    [
        ("{{ owner }}", ["owner"]),
        ('{{ "by " ~ owner | upper }}', ["owner"]),
        ("{% set who = owner %}{{ literal(who) }}", ["owner"]),
        ("{{ literal(description) ~ owner }}", ["owner"]),
        ("{% if owner == 'x' %}{{ markdown(owner) }}{% endif %}{{ 'a' if owner else 'b' }}", []),
    ],
)
def test_a_raw_use_is_seen(source, raw):
    assert raw_uses(source, TEXTS) == raw
