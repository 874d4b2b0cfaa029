"""The dashboard of rendered servers: its file is what the generator writes, its queries name what servers measure."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import Environment, FileSystemLoader

from release.dashboard import METRIC, ROWS, WRITTEN, render, signals
from tests.support.deployments import HTTP, render_answers
from tests.support.template import CHECKOUT

NEEDS = ("authenticated", "uses_redis", "audit_is_kept")
SELECTOR = re.compile(r"\b([a-z0-9_:]+)\{([^}]*)\}")
MATCHER = re.compile(r'(\w+)(=~|!=|=)"([^"]*)"')
GROUP = re.compile(r"\bby \(([^)]*)\)")
SCRAPED = {"job", "instance"}
VARIABLES = {"$__rate_interval": "1m", "$__range": "3h", "$instance": ".*", "$price_in": "15", "$price_out": "3"}


def rendered(**given: bool) -> dict[str, Any]:
    """The dashboard for answers; those that are not given are no."""
    jinja = Environment(loader=FileSystemLoader(CHECKOUT), trim_blocks=True, lstrip_blocks=True, autoescape=False)
    answers = dict.fromkeys(NEEDS, False) | given
    text = jinja.get_template(WRITTEN.relative_to(CHECKOUT).as_posix()).render(project_slug="notes-server", **answers)
    dashboard: dict[str, Any] = json.loads(text)
    return dashboard


WHOLE = rendered(**dict.fromkeys(NEEDS, True))
QUERIES = [
    pytest.param(target["expr"], id=f"{panel['title']}-{target['refId']}")
    for panel in WHOLE["panels"]
    for target in panel.get("targets", [])
]


def suffixed(signal: Any) -> set[str]:
    """The names of a signal's series."""
    suffixes = ("_bucket", "_count", "_sum") if signal["instrument"] == "histogram" else ("",)
    return {signal["prometheus"] + suffix for suffix in suffixes}


SERIES = {name: signal for signal in signals().values() for name in suffixed(signal)}


def measured_in(query: str) -> list[tuple[str, str]]:
    """The names that a query selects, without those of recording rules, and how."""
    return [found for found in SELECTOR.findall(query) if ":" not in found[0]]


def test_the_file_is_what_the_generator_writes() -> None:
    assert WRITTEN.read_text(encoding="utf-8") == render(signals()), "run `python -m release.dashboard`"


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_names_signals_with_their_labels_and_values_and_those_of_this_server_only(query: str) -> None:
    assert set(METRIC.findall(query)) <= SERIES.keys()
    for name, matchers in measured_in(query):
        labels = SERIES[name]["labels"]
        selected = {label: (operator, value) for label, operator, value in MATCHER.findall(matchers)}
        assert (selected.pop("job"), selected.pop("instance")) == (("=", "notes-server"), ("=~", "$instance"))
        assert selected.keys() <= labels.keys()
        for label, (operator, value) in selected.items():
            values = set(value.split("|")) if operator == "=~" else {value}
            assert isinstance(labels[label], str) or values - {""} <= set(labels[label])
    grouped = {label.strip() for group in GROUP.findall(query) for label in group.split(",")}
    known = {label for name, _ in measured_in(query) for label in SERIES[name]["labels"]}
    buckets = {"le"} if "_bucket{" in query else set()
    assert grouped <= known | SCRAPED | buckets


def test_what_a_query_takes_from_rules_is_recorded_there(tmp_path: Path) -> None:
    answers = HTTP | {"deployment": "none", "telemetry": "both"}
    rules = (render_answers(answers, tmp_path / "made") / "observability/rules.yaml").read_text()
    used = {found for query in QUERIES for found in SELECTOR.findall(str(query.values[0])) if ":" in found[0]}
    assert used
    assert {name for name, _ in used} <= set(re.findall(r"- record: (\S+)", rules))
    assert {matchers for _, matchers in used} == {'job="notes-server"'}


def test_a_legend_names_labels_that_its_query_keeps() -> None:
    for panel in WHOLE["panels"]:
        for target in panel.get("targets", []):
            kept = {label.strip() for group in GROUP.findall(target["expr"]) for label in group.split(",")}
            assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= kept, panel["title"]


def test_every_signal_for_a_dashboard_is_on_it_and_no_other() -> None:
    shown = {SERIES[name]["prometheus"] for query in QUERIES for name, _ in measured_in(str(query.values[0]))}
    assert shown == {name for name, signal in signals().items() if "dashboard" in signal["looked_at_by"]}


@pytest.mark.parametrize("given", [dict(zip(NEEDS, held, strict=True)) for held in product([False, True], repeat=3)])
def test_panels_are_those_that_the_answers_bring_each_with_its_number_and_its_place(given: dict[str, bool]) -> None:
    panels = rendered(**given)["panels"]
    known = signals()
    named = {name for panel in panels for target in panel.get("targets", []) for name, _ in measured_in(target["expr"])}
    missing = {name for name in NEEDS if not given[name]}
    assert not {name for name in named if SERIES[name].get("needs") in missing}
    wanted = {
        name for name, row in known.items() if "dashboard" in row["looked_at_by"] and row.get("needs") not in missing
    }
    assert {SERIES[name]["prometheus"] for name in named} == wanted
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert {panel["title"] for panel in panels if panel["type"] == "row"} <= ROWS.keys()
    assert [(a["title"], b["title"]) for a, b in combinations(panels, 2) if overlap(a["gridPos"], b["gridPos"])] == []
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)


def overlap(first: dict[str, int], second: dict[str, int]) -> bool:
    """Whether two places of the grid share a cell."""
    return all(
        first[start] < second[start] + second[size] and second[start] < first[start] + first[size]
        for start, size in (("x", "w"), ("y", "h"))
    )


def test_its_variables_choose_where_and_for_what_price() -> None:
    variables = {variable["name"]: variable for variable in WHOLE["templating"]["list"]}
    assert {name: variable["type"] for name, variable in variables.items()} == {
        "datasource": "datasource",
        "instance": "query",
        "price_in": "textbox",
        "price_out": "textbox",
    }
    assert variables["instance"]["allValue"] == ".*"
    assert WHOLE["uid"] == "notes-server"
    used = {variable for query in QUERIES for variable in re.findall(r"\$\w+", str(query.values[0]))}
    assert used == VARIABLES.keys()


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is missing")
def test_prometheus_can_read_every_query(tmp_path: Path) -> None:
    rules = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(expressions())]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    checked = subprocess.run(["promtool", "check", "rules", file], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{len(QUERIES)} rules found" in checked.stdout


def expressions() -> Iterator[str]:
    """The queries with values for the variables."""
    for query in QUERIES:
        yield re.sub(r"\$\w+", lambda variable: VARIABLES[variable[0]], str(query.values[0]))
