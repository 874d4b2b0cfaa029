"""What guts a control while its structure stays is noticed by a test that carries its mark, and evidence says so."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import uv
import yaml

from scaffold.cli import app
from scaffold.controls import Control, find_regressions, read_catalogue
from scaffold.environment import for_tests
from scaffold.errors import ExitStatus
from tests.scaffold.controls.test_check import REPOSITORIES
from tests.scaffold.controls.test_mutations import Row, mutation
from tests.support.combinations import complete
from tests.support.deployments import render_answers
from tests.support.evidence import git
from tests.support.template import CHECKOUT

ROWS: list[Row] = yaml.safe_load((CHECKOUT / "tests/mutations/runtime.yml").read_text(encoding="utf-8"))
RUNTIME = "src/notes_server/runtime"
SAMPLE = ("AUD-03", "LIM-02", "OUT-02")
"""Controls whose tests start no server, so that CI sees in seconds that a row is noticed."""
ONLY_MARKED = """import os

def pytest_collection_modifyitems(items):
    wanted = os.environ["ONLY_MARKED"]
    items[:] = [item for item in items if any(wanted in mark.args for mark in item.iter_markers("control"))]
"""
RESULTS = Path("results/junit.xml")
PASSED, FAILED = 0, 1
Rendered = Callable[[str], tuple[Path, dict[str, Control]]]


def named(row: Row) -> str:
    return f"{row['control']}-{row['in']}-{ROWS.index(row)}"


def placed(row: Row) -> Row:
    """The row with the path of its file in the repository."""
    is_whole = row["file"].startswith(("src/", "tests/"))
    return row if is_whole else {**row, "file": f"{RUNTIME}/{row['file']}"}


def marked_files(control: Control) -> list[str]:
    return [place for place in control.verified if place.endswith(".py")]


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    """A repository and its controls by id; each is rendered once."""

    @cache
    def find(name: str) -> tuple[Path, dict[str, Control]]:
        repository = render_answers(complete(REPOSITORIES[name]), tmp_path_factory.mktemp(name) / "repository")
        return repository, {control.id: control for control in read_catalogue(repository)}

    return find


@pytest.fixture(scope="module")
def installed(rendered: Rendered) -> Rendered:
    """The same with the environment of its lock."""

    @cache
    def find(name: str) -> tuple[Path, dict[str, Control]]:
        repository, controls = rendered(name)
        for command in (["lock", "--quiet"], ["sync", "--quiet", "--locked"]):
            subprocess.run([uv.find_uv_bin(), *command], cwd=repository, env=for_tests(), check=True, timeout=300)
        (repository / "only_marked.py").write_text(ONLY_MARKED, encoding="utf-8")
        for arguments in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "--message", "Begin")):
            git(repository, *arguments)
        return repository, controls

    return find


def run_marked(repository: Path, control: Control) -> subprocess.CompletedProcess[str]:
    """Run the tests of a control's files that carry its mark, until one fails."""
    command = [
        "run",
        "--quiet",
        "--no-sync",
        "python",
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "only_marked",
        f"--junit-xml={RESULTS}",
    ]
    environment = for_tests() | {"ONLY_MARKED": control.id, "PYTHONPATH": ".", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [uv.find_uv_bin(), *command, "-p", "no:cacheprovider", *marked_files(control)],
        cwd=repository,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def check_noticed(row: Row, installed: Rendered, capsys: pytest.CaptureFixture[str]) -> None:
    """See that tests with the control's mark pass, and fail after the row's edit, which leaves its structure."""
    repository, controls = installed(row["in"])
    control = controls[row["control"]]
    before = run_marked(repository, control)
    assert before.returncode == PASSED, before.stdout
    with mutation(repository, placed(row)):
        findings = find_regressions(repository, [control], deletable=frozenset()).findings
        after = run_marked(repository, control)
        capsys.readouterr()
        status = app(
            ["evidence", str(repository), "--from", str(repository / RESULTS.parent), "--json"], standalone_mode=False
        )
        told = {each["id"]: each["status"] for each in json.loads(capsys.readouterr().out)["controls"]}
    assert findings == []
    assert after.returncode == FAILED, after.stdout
    assert (status, told[control.id]) == (ExitStatus.UNPROVEN, "failed")


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.xdist_group("sampled-behaviour")
@pytest.mark.parametrize("row", [next(row for row in ROWS if row["control"] == name) for name in SAMPLE], ids=named)
def test_a_sample_of_gutted_controls_is_noticed(row, installed, capsys):
    check_noticed(row, installed, capsys)


@pytest.mark.mutations
@pytest.mark.network
@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=named)
def test_a_gutted_control_is_noticed(row, installed, capsys):
    check_noticed(row, installed, capsys)


@pytest.mark.xdist_group("sampled-behaviour")
def test_each_control_with_tests_has_a_row_and_each_edit_fits_its_file(rendered):
    for row in map(placed, ROWS):
        text = (rendered(row["in"])[0] / row["file"]).read_text(encoding="utf-8")
        assert row["replace"][0] in text, row
    controls = rendered("cluster")[1] | rendered("stdio")[1]
    tested = {control.id for control in controls.values() if marked_files(control)}
    assert sorted(tested - {row["control"] for row in ROWS}) == []
