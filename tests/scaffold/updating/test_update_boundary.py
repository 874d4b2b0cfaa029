"""From the template with a flat `runtime/` to the one of today: no line of a person is lost, and their imports follow.

`older/flat-runtime.tar.xz` is that template without clouds, clusters and pipelines, as it was last.
`HISTORIES=50 pytest tests/scaffold/updating/test_update_boundary.py` tries so many random edits; by default a few.
"""

from __future__ import annotations

import ast
import os
import shutil
import tarfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from scaffold.template.source import TemplateSource
from scaffold.updating.imports import module_of, names_of
from tests.support.living import Living, Template, git
from tests.support.releases import live, release
from tests.support.template import CHECKOUT

OLDER = CHECKOUT / "tests" / "older" / "flat-runtime.tar.xz"
HISTORIES = int(os.environ.get("HISTORIES", "1"))
MINE = "# mine-"
TOOL = '''"""A tool of a person's own."""

from typing import Any

from mcp.server import MCPServer

from ..runtime.bounds import ShortText
from ..runtime.egress import (
    UpstreamFailedError,  # what it looks for
    egress,
)
from ..runtime.principal import current_principal


async def look_up(name: ShortText) -> str:
    """Look a name up."""
    try:
        answer = await egress().request("GET", f"https://api.example.com/{name}")
    except UpstreamFailedError:
        return current_principal().subject
    return answer.text


def register(server: MCPServer[Any]) -> None:
    """Add the tool."""
    server.add_tool(look_up)
'''
ANSWERS: dict[str, dict[str, Any]] = {
    "stdio": {"transport": "stdio", "ci": "none"},
    "open": {"transport": "http", "auth_provider": "none", "ci": "none", "telemetry": "none"},
    "shared": {
        "transport": "both",
        "auth_provider": "oidc",
        "deployment": "compose",
        "replica_state": "redis",
        "telemetry": "both",
        "compliance": ["hipaa"],
        "ci": "none",
    },
}
EDITS = {
    "src/notes_server/runtime/bounds.py": "Mine = ShortText\n",
    "src/notes_server/runtime/principal.py": "MINE = 1\n",
    "src/notes_server/runtime/policy.py": "MINE = 2\n",
    "src/notes_server/runtime/calls/limits.py": "MINE = 3\n",
    "src/notes_server/tools/notes.py": "MINE = 4\n",
    "README.md": "Mine too.\n",
}
"""What is appended to which file."""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> TemplateSource:
    """A repository with the older template as v0.9.0."""
    folder = tmp_path_factory.mktemp("boundary") / "template"
    folder.mkdir()
    with tarfile.open(OLDER) as archive:
        archive.extractall(folder, filter="data")
    git(folder, "init", "--quiet", "--initial-branch=main")
    Template(folder).release("v0.9.0", {})
    return TemplateSource("bundle", folder, folder.as_posix(), "v0.9.0", folder)


@pytest.fixture(scope="module")
def beginning(template: TemplateSource, tmp_path_factory) -> Path:
    """A repository of the older template with most of what it has, and the one of today beside it."""
    return begin(template, tmp_path_factory.mktemp("living"), "shared")


def begin(template: TemplateSource, folder: Path, name: str) -> Path:
    """A repository of the older template, after whose render the one of today was released."""
    living = live(template, ANSWERS[name], folder)
    if not git(template.location, "tag", "--list", "v1.0.0"):
        release(CHECKOUT, template.location)
    return living.folder


@contextmanager
def a_copy(beginning: Path) -> Iterator[Living]:
    with TemporaryDirectory(dir=beginning.parent) as name:
        yield Living(Path(shutil.copytree(beginning, Path(name) / "living")))


def appended(living: Living) -> dict[str, str]:
    return {path: living.read(path) + line for path, line in EDITS.items()}


def unresolved_imports(living: Living) -> list[str]:
    """Imports of the own package that name a module, or something in one, that is not there."""
    files = {path: living.read(path) for path in living.files() if path.endswith(".py") and path.startswith("src/")}
    names = {module_of(path): names_of(code) | _imported(code) for path, code in files.items()}
    return [
        f"{path}: {module} {alias.name}"
        for path, code in files.items()
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.ImportFrom) and (module := _absolute(path, node)).startswith("notes_server")
        for alias in node.names
        if module == module_of(path)
        or (alias.name not in names.get(module, ()) and f"{module}.{alias.name}" not in names)
    ]


def _imported(code: str) -> frozenset[str]:
    nodes = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.ImportFrom)]
    return frozenset(alias.asname or alias.name for node in nodes for alias in node.names)


def _absolute(path: str, node: ast.ImportFrom) -> str:
    parts = module_of(path).split(".")
    own = parts if path.endswith("__init__.py") else parts[:-1]
    base = own[: len(own) - node.level + 1] if node.level else []
    return ".".join(filter(None, [*base, node.module]))


@pytest.mark.parametrize("name", ANSWERS)
def test_edits_of_moved_files_move_along_and_imports_follow(template, tmp_path, name: str) -> None:
    with a_copy(begin(template, tmp_path, name)) as living:
        if (living.folder / "src/notes_server/runtime/egress.py").exists():
            living.edit({"src/notes_server/tools/own.py": TOOL})
        own = ["bounds import Mine", "policy import MINE", "calls.limits import MINE as ALSO_MINE"]
        imports = "".join(f"from .runtime.{each}\n" for each in own)
        living.edit({**appended(living), "src/notes_server/mine.py": imports})

        finished = living.update("--no-verify")

        assert (finished.status, finished.document["warnings"]) == (0, []), finished.err
        text = "\n".join(living.read(path) for path in living.files())
        assert [line for line in EDITS.values() if line.strip() not in text] == []
        assert living.read("src/notes_server/runtime/authoring.py").endswith("Mine = ShortText\n")
        assert unresolved_imports(living) == []
        assert not list(living.folder.glob("src/*/runtime/principal.py"))


def test_each_import_that_follows_is_named(beginning: Path) -> None:
    with a_copy(beginning) as living:
        finished = living.update("--plan")

        carried = {file["path"] for file in finished.document["files"] if file["kind"] == "carried"}
        assert {f"src/notes_server/{part}/notes.py" for part in ("tools", "prompts", "resources")} <= carried


def test_what_cannot_follow_is_named_one_by_one(beginning: Path) -> None:
    with a_copy(beginning) as living:
        mine = "from notes_server.runtime.policy import Policy, Vanished\n"
        living.edit({"src/notes_server/mine.py": mine, "RUN.md": "python -m notes_server.runtime.audit\n"})

        finished = living.update("--no-verify")

        told = "\n".join(finished.document["warnings"])
        assert "src/notes_server/mine.py:1 imports Vanished from notes_server.runtime.policy" in told
        assert "RUN.md:1 names notes_server.runtime.audit" in told
        assert living.read("src/notes_server/mine.py") == mine


@settings(
    max_examples=HISTORIES,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(edits=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 400)), min_size=3, max_size=12))
def test_no_line_of_a_random_history_is_lost(beginning: Path, edits: list[tuple[int, int]]) -> None:
    with a_copy(beginning) as living:
        paths = [path for path in sorted(living.files()) if path.endswith((".py", ".md", ".yaml"))]
        for number, (file, place) in enumerate(edits):
            path = paths[file % len(paths)]
            lines = living.read(path).splitlines(keepends=True)
            lines.insert(place % (len(lines) + 1), f"{MINE}{number}\n")
            living.edit({path: "".join(lines)})

        finished = living.update("--no-verify")

        assert finished.status in (0, 3), finished.err
        kept = Counter(line.strip() for path in living.files() for line in living.read(path).splitlines())
        assert [number for number in range(len(edits)) if not kept[f"{MINE}{number}"]] == []
