"""The proof of a repository as the template renders it, and of what its user makes of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scaffold import environment
from scaffold.controls import read_catalogue
from scaffold.proof import ProofReport, prove_repository
from scaffold.proof.probe import Status
from scaffold.proof.probes import ALL
from scaffold.rendered.repository import RenderedRepository
from scaffold.toolchain.installation import install
from tests.servers.started import TRAPS, render_locked

pytestmark = [pytest.mark.life, pytest.mark.network, pytest.mark.slow, pytest.mark.xdist_group("proof-life")]

ANSWERS = (
    "project_slug=proven-notes",
    "transport=both",
    "auth_provider=oidc",
    "auth_issuer=https://id.example.com/tenant/",
    "deployment=none",
    "telemetry=none",
)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of the current template, locked and committed."""
    return render_locked(tmp_path_factory.mktemp("life") / "proven-notes", *ANSWERS)


@pytest.fixture
def repository(rendered: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(rendered, tmp_path / "repository"))


@pytest.fixture(scope="module")
def report(rendered: Path) -> ProofReport:
    """Of a full proof, where the environment leads what it starts astray; only uv is spared."""
    spared = environment.for_uv()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(environment, "for_uv", lambda: spared)
        for name, value in TRAPS.items():
            patch.setenv(name, value)
        return prove_repository(rendered, full=True)


def ids(report: ProofReport, status: Status) -> set[str]:
    return {result.probe.id for result in report.results if result.status is status}


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text, f"{file.name} no longer holds {old!r}"
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_every_probe_passes(report: ProofReport) -> None:
    assert ids(report, Status.FAILED) == set()
    assert ids(report, Status.SKIPPED) == {"lifecycle.store-down", "lifecycle.collector-down"}
    assert report.passed


def test_the_proof_changes_nothing_in_the_tree(rendered: Path, report: ProofReport) -> None:
    assert report.passed
    done = subprocess.run(["git", "status", "--porcelain"], cwd=rendered, capture_output=True, text=True, check=True)
    assert done.stdout == ""


def test_each_probe_names_a_control_of_the_repository(rendered: Path) -> None:
    known = {control.id for control in read_catalogue(rendered)}
    # The store belongs to other answers.
    assert {probe.control for probe in ALL} - known == {"OPS-06"}


def test_a_weakened_repository_is_told_by_its_weaknesses(repository: Path) -> None:
    runtime = repository / "src" / "proven_notes" / "runtime"
    edit(runtime / "http" / "guards" / "hosts.py", "if _normal_origin(origin) not in self._origins:", "if False:")
    edit(runtime / "oauth" / "verifier.py", '"verify_aud": uses_aud', '"verify_aud": False')
    edit(repository / "policy.yaml", "  list_notes: [mcp:read]", "  list_notes: []")
    report = prove_repository(repository)
    assert ids(report, Status.FAILED) == {"network.foreign-origin", "tokens.wrong-audience"}


def test_a_repository_without_the_example_tools_is_proven(repository: Path) -> None:
    package = repository / "src" / "proven_notes"
    (package / "tools" / "notes.py").unlink()
    policy = (repository / "policy.yaml").read_text(encoding="utf-8")
    tools = "tools:\n  list_notes: [mcp:read]\n  add_note: [mcp:write]\n  purge_notes: [mcp:admin]\n"
    assert tools in policy
    without = policy.partition("\ndata:")[0].replace(tools, "tools: {}\n")
    (repository / "policy.yaml").write_text(without, encoding="utf-8")
    report = prove_repository(repository)
    assert ids(report, Status.FAILED) == set()
    assert "discovery.call-2026" in ids(report, Status.SKIPPED)
    assert "tokens.expired" in ids(report, Status.PASSED)


def test_a_repository_that_does_not_start_is_told_with_its_log(repository: Path) -> None:
    edit(repository / "policy.yaml", "  list_notes: [mcp:read]\n", "")
    report = prove_repository(repository)
    assert {"lifecycle.boots", "stdio.discover"} <= ids(report, Status.FAILED)
    assert "list_notes" in report.log


@pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")
def test_a_proof_that_is_ended_leaves_no_process(repository: Path) -> None:
    command = [sys.executable, "-c", "from scaffold.cli import main; main()", "prove", str(repository)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as proof:
        deadline = time.monotonic() + 60
        while not (servers := _processes_of("proven-notes")) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert servers, "no server was started"
        proof.send_signal(signal.SIGTERM)
        proof.wait(20)
    time.sleep(0.2)
    assert not _processes_of("proven-notes")


def _processes_of(program: str) -> list[int]:
    """The processes that run a program of a proof's environment."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = entry.read_bytes()
        except OSError:
            continue
        if b"mcp-scaffold-proof-" in text and program.encode() in text and int(entry.parent.name) != os.getpid():
            found.append(int(entry.parent.name))
    return found


def test_what_is_proven_is_what_stands_in_the_tree(repository: Path, tmp_path: Path) -> None:
    """A package manager keeps the wheels that it built, and may take one from before an edit."""
    installed = []
    for number in range(2):
        place = tmp_path / f"installation-{number}"
        place.mkdir()
        install(RenderedRepository(repository), place)
        installed.append(next(place.rglob("proven_notes/notes.py")).read_text(encoding="utf-8"))
        (repository / "src" / "proven_notes" / "notes.py").write_text("edited = True\n", encoding="utf-8")
    assert installed[1] == "edited = True\n" != installed[0]
