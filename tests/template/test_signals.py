"""What the code measures and what `data/signals.yml` lists are the same: the drift of either is found."""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.support.deployments import HTTP, REGISTRY, render_answers
from tests.support.rows import DECLARED, Row

SETS = {
    "all": HTTP | REGISTRY | {"deployment": "kubernetes", "telemetry": "both", "auth_provider": "oidc"},
    "open": {"transport": "http", "deployment": "none", "auth_provider": "none", "telemetry": "prometheus"},
    "stdio": {"transport": "stdio", "telemetry": "otlp"},
}
KINDS = {"Tally": "observable_counter", "histogram": "histogram"}
REASONS = re.compile(r"(?:Request|Call)Refused\((?:\s*\d+,)?\s*\"(\w+)\"|(?:_later|_refused)\(\d+, \"(\w+)\"")
SHARES = {f"{kind}_{what}" for kind in ("own", "busy") for what in ("bodies", "subscriptions")}
"""Named by `http/guards/shares.py` out of two words."""


@pytest.fixture(scope="module", params=SETS)
def repository(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render_answers(SETS[request.param], tmp_path_factory.mktemp(request.param) / "repository")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render_answers(SETS["all"], tmp_path_factory.mktemp("whole") / "repository")


def rows_of(repository: Path) -> dict[str, Row]:
    """The signals of a repository, by name; over stdio nothing lists them."""
    file = repository / "observability/signals.yaml"
    rows = YAML(typ="safe").load(file) if file.exists() else _of_stdio()
    return {row["name"]: row for row in rows}


def _of_stdio() -> list[Row]:
    rows: list[Row] = DECLARED["signals"]["default"]
    return [row for row in rows if "needs" not in row]


def runtime_of(repository: Path) -> Iterator[Path]:
    return repository.glob("src/*/runtime/**/*.py")


def used_in(repository: Path) -> Iterator[tuple[str, str, set[str] | None]]:
    """Each instrument that code asks for: by which function, its name, and its labels where that says them."""
    for file in runtime_of(repository):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(ast.Name("Tally" | "observe_each" as how), [ast.Constant(str(name)), *labels]):
                    texts = {label.value for label in labels if isinstance(label, ast.Constant)}
                    yield how, name, {str(text).replace(".", "_") for text in texts}
                case ast.Call(ast.Name("observe"), [ast.Constant(str(name)), *_]):
                    yield "observe", name, set()
                case ast.Call(ast.Name("Distribution"), [ast.Constant(str(name))]):
                    yield "histogram", name, None


def drift_in(repository: Path) -> Iterator[str]:
    """What differs between a repository's code and its rows."""
    rows, used = rows_of(repository), list(used_in(repository))
    counted = sorted(name for _, name, _ in used)
    yield from (f"{name}: no row" for name in counted if name not in rows)
    yield from (f"{name}: nothing measures it once" for name in rows if counted.count(name) != 1)
    for how, name, labels in used:
        row = rows.get(name, {"instrument": "", "labels": {}})
        if row["instrument"] != KINDS.get(how, row["instrument"]):
            yield f"{name}: it is no {row['instrument']}"
        if labels is not None and labels != set(row["labels"]):
            yield f"{name}: other labels"


def test_every_instrument_is_a_row_and_every_row_an_instrument(repository: Path) -> None:
    assert list(drift_in(repository)) == []


def edit(name: str, old: str, new: str) -> Callable[[Path], None]:
    """Change a file of the repository's."""

    def change(repository: Path) -> None:
        [file] = repository.glob(name)
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")

    return change


CALLS, ROWS = "src/*/runtime/observability/metrics.py", "observability/signals.yaml"
DRIFTS: Mapping[str, Callable[[Path], None]] = {
    "mcp.server.tokens: no row": edit(CALLS, '"mcp.server.tokens.estimated"', '"mcp.server.tokens"'),
    "mcp.server.denials: other labels": edit(CALLS, ', "administrative")', ")"),
    "mcp.server.result.size: nothing measures it once": edit(
        CALLS, ', Distribution("mcp.server.result.size")', ", _duration"
    ),
    "mcp.server.refusals: it is no histogram": edit(
        ROWS,
        "mcp_server_refusals_total\n  instrument: observable_counter",
        "mcp_server_refusals_total\n  instrument: histogram",
    ),
}


@pytest.mark.parametrize("found", DRIFTS)
def test_a_drift_is_found(found: str, whole: Path, tmp_path: Path) -> None:
    repository = shutil.copytree(whole, tmp_path / "repository")
    DRIFTS[found](repository)
    assert found in list(drift_in(repository))


def test_every_reason_of_a_refusal_is_listed(repository: Path) -> None:
    listed = {row["name"]: row for row in DECLARED["signals"]["default"]}["mcp.server.refusals"]["labels"]["reason"]
    texts = [file.read_text(encoding="utf-8") for file in runtime_of(repository)]
    assert {"".join(found) for text in texts for found in REASONS.findall(text)} | SHARES <= {*listed}


def test_every_row_is_whole() -> None:
    kinds = {"histogram", "observable_counter", "observable_up_down_counter", "observable_gauge"}
    suffixes = {"s": "_seconds", "By": "_bytes"}
    for row in DECLARED["signals"]["default"]:
        total = "_total" if row["instrument"] == "observable_counter" else ""
        assert row["prometheus"] == row["name"].replace(".", "_") + suffixes.get(row["unit"], "") + total
        assert row["instrument"] in kinds
        assert row["meaning"].endswith(".")
        assert set(row["looked_at_by"]) <= {"alerts", "dashboard"}


def test_the_objectives_that_are_rendered_are_those_that_the_server_has(repository: Path) -> None:
    file = repository / "observability/objectives.yaml"
    if not file.exists():
        return
    given = YAML(typ="safe").load(file)
    names = {"availability", *(f"latency_{key}" for key in given["latency"]), *given["thresholds"]}
    assert names == set(rows_of(repository)["mcp.server.objective"]["labels"]["name"])
