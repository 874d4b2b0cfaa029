"""Every probe can fail, and is seen failing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from scaffold.errors import NotRendered, RefusedError, UnavailableError
from scaffold.proof import ProofReport, conversation, prove_repository, proving, servers, store
from scaffold.proof.outcomes import NotStarted
from scaffold.proof.probe import Status
from scaffold.proof.probes import ALL, lifecycle
from scaffold.rendered.repository import RenderedRepository
from scaffold.toolchain import uv
from scaffold.toolchain.installation import Installation
from tests.support.template import CHECKOUT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the weak server is started through a shell script")

WEAK_SERVER = CHECKOUT / "tests" / "servers" / "weak.py"
ANSWERS = """\
_commit: v9.9.9
_src_path: somewhere
project_slug: weak-server
package_name: weak_server
transport: both
public_url: https://weak.example.com/mcp
auth_provider: oidc
auth_issuer: https://id.example.com/tenant
auth_audience: https://weak.example.com/mcp
replica_state: redis
telemetry: otlp
"""

Prove = Callable[..., ProofReport]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A folder that passes for a rendered repository."""
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / ".copier-answers.yml").write_text(ANSWERS, encoding="utf-8")
    (folder / "pyproject.toml").write_text("[project]\nname = 'weak-server'\nversion = '0'\n", encoding="utf-8")
    (folder / "uv.lock").write_text("version = 1\n", encoding="utf-8")
    return folder


@pytest.fixture
def prove(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Prove:
    """Prove the weak server with a weakness, without installing anything."""

    def run(weakness: str, *, full: bool = True) -> ProofReport:
        def install(repository: RenderedRepository, folder: Path) -> Installation:
            programs = folder / "environment" / "bin"
            programs.mkdir(parents=True)
            program = programs / repository.slug
            program.write_text(
                f'#!/bin/sh\nexec "{sys.executable}" "{WEAK_SERVER}" {weakness} "$@"\n', encoding="utf-8"
            )
            (folder / "environment" / "pyvenv.cfg").write_text("version_info = 3.13.0\n", encoding="utf-8")
            python = programs / "python"
            python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
            for file in (program, python):
                file.chmod(0o755)
            return Installation(repository, folder)

        monkeypatch.setattr(proving, "install", install)
        return prove_repository(repository, full=full)

    monkeypatch.setattr(proving, "running_store", lambda _: nullcontext("redis://127.0.0.1:1/0"))
    monkeypatch.setattr(servers, "READY_SECONDS", 3.0)
    monkeypatch.setattr(conversation, "EXIT_SECONDS", 1.0)
    monkeypatch.setattr(lifecycle, "GRACE_SECONDS", 3.0)
    return run


def failed(report: ProofReport) -> set[str]:
    return {result.probe.id for result in report.failures}


def observations(report: ProofReport) -> dict[str, str]:
    return {result.probe.id: result.observation for result in report.results}


@pytest.mark.slow
def test_each_probe_fails_somewhere(prove: Prove) -> None:
    seen = set().union(*(failed(prove(weakness)) for weakness in ("careless", "mute", "fickle", "unguarded", "dead")))
    # A lock that does not install has a test of its own below.
    assert {probe.id for probe in ALL} - seen == {"lifecycle.installs"}


def test_a_server_that_ends_is_told_with_its_last_words(prove: Prove) -> None:
    report = prove("dead", full=False)
    assert observations(report)["lifecycle.boots"] == "it ended with status 1 instead of serving"
    assert "no module named anything" in report.log
    assert observations(report)["tokens.expired"] == "the server did not start"
    assert not report.passed


def test_a_server_that_is_never_ready_is_given_up(prove: Prove) -> None:
    report = prove("lazy", full=False)
    assert observations(report)["lifecycle.boots"] == "it was not ready within 3 seconds (/readyz: 503)"


def test_a_port_that_somebody_else_took_is_tried_again(
    prove: Prove, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEAK_NOTE_FILE", str(tmp_path / "started"))
    report = prove("jammed", full=False)
    assert (tmp_path / "started").exists()
    assert observations(report)["lifecycle.boots"] == "ready"


def test_garbage_is_told_as_such(prove: Prove) -> None:
    told = observations(prove("noisy", full=False))
    assert told["discovery.list-2026"] == "the answer is no HTTP (BadStatusLine)"
    assert "stray lines, the first 'Welcome" in told["stdio.clean"]


def test_a_server_of_another_world_ends_no_proof(prove: Prove) -> None:
    report = prove("twisted", full=False)
    assert {"discovery.discover", "discovery.list-2026", "discovery.metadata", "stdio.list"} <= failed(report)


def test_no_process_outlives_the_proof(prove: Prove, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEAK_NOTE_FILE", str(tmp_path / "child"))
    prove("fertile", full=False)
    child = int((tmp_path / "child").read_text(encoding="utf-8"))
    assert not _is_running(child)


def test_no_process_outlives_an_interrupted_proof(
    prove: Prove, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEAK_NOTE_FILE", str(tmp_path / "child"))

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(proving, "_asked", interrupt)
    with pytest.raises(KeyboardInterrupt):
        prove("fertile", full=False)
    assert not _is_running(int((tmp_path / "child").read_text(encoding="utf-8")))


def test_a_report_puts_failures_first(prove: Prove) -> None:
    report = prove("careless", full=False)
    statuses = [line.split()[0] for line in report.table().splitlines() if line[:1].strip()]
    told = [status for status in statuses if status in ("FAILED", "skipped", "passed")]
    assert told == sorted(told, key=["FAILED", "skipped", "passed"].index)
    assert "control" in report.table()


def test_a_report_is_the_same_but_for_times(prove: Prove) -> None:
    def timeless(report: ProofReport) -> str:
        document = report.to_json()
        for entry in (document, *document["probes"]):
            entry.pop("seconds")
        document.pop("started")
        document.pop("seal")
        document.pop("log", None)
        return json.dumps(document)

    assert timeless(prove("mute", full=False)) == timeless(prove("mute", full=False))


def test_a_folder_that_was_not_rendered_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotRendered, match=r"has no \.copier-answers\.yml"):
        prove_repository(tmp_path)


def test_the_exit_status_tells_why(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from scaffold.cli import main; main()", "prove", str(tmp_path), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert json.loads(done.stdout)["exit_status"] == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("text", ["[1, 2]", "transport: http", "{", "\x00"])
def test_answers_that_are_none_are_refused(repository: Path, text: str) -> None:
    (repository / ".copier-answers.yml").write_text(text, encoding="utf-8")
    with pytest.raises(NotRendered):
        prove_repository(repository)


def test_a_missing_lock_is_refused(repository: Path) -> None:
    (repository / "uv.lock").unlink()
    with pytest.raises(RefusedError, match=r"has no uv\.lock to install from: run uv lock"):
        prove_repository(repository)


def test_a_broken_lock_is_a_failed_proof(repository: Path) -> None:
    (repository / "uv.lock").write_text("this is no lock", encoding="utf-8")
    report = prove_repository(repository)
    assert failed(report) == {"lifecycle.installs"}
    assert "uv.lock" in report.log
    assert all(r.status is Status.SKIPPED for r in report.results if r.probe.id != "lifecycle.installs")


def test_no_network_is_no_failed_proof(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = "error: Failed to fetch: `https://index.example.com/simple/mcp/`\n  Caused by: dns error\n"
    monkeypatch.setattr(uv, "run_uv", lambda *_, **__: uv.Run(2, told))
    with pytest.raises(UnavailableError, match="cannot be reached"):
        prove_repository(repository)


def test_a_provider_that_is_not_known_cannot_be_proven(prove: Prove, repository: Path) -> None:
    text = ANSWERS.replace("oidc", "newer")
    (repository / ".copier-answers.yml").write_text(text, encoding="utf-8")
    with pytest.raises(UnavailableError, match="newer"):
        prove("careless")


def test_a_missing_store_is_no_failed_proof(prove: Prove, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "running_store", store.running_store)
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(UnavailableError, match="redis-server"):
        prove("careless", full=False)


def test_a_program_that_was_not_installed_is_told(repository: Path, tmp_path: Path) -> None:
    installation = Installation(RenderedRepository(repository), tmp_path)
    launcher = servers.Launcher(installation, {})
    with pytest.raises(NotStarted, match="no program named weak-server"), launcher.started():
        pass


def _is_running(process: int) -> bool:
    for _ in range(50):
        try:
            os.kill(process, 0)
            if Path(f"/proc/{process}/stat").exists() and Path(f"/proc/{process}/stat").read_text().split()[2] == "Z":
                return False
        except ProcessLookupError:
            return False
        time.sleep(0.02)
    os.kill(process, signal.SIGKILL)
    return True
