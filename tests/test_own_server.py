"""A server of a person's own, with an upstream and without the example, is proven, changed and updated."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest
import uv

from scaffold.proof import ProofReport, prove_repository
from scaffold.proof.boot import free_ports
from scaffold.proof.probe import Status
from tests.living import Living
from tests.own_server import give_proof, make_own
from tests.releases import live, release
from tests.template import CHECKOUT

pytestmark = [pytest.mark.life, pytest.mark.network, pytest.mark.slow, pytest.mark.xdist_group("own-server")]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Living:
    """The server, locked and committed, without a `proof.yaml`; nothing listens where its upstream should be."""
    folder = tmp_path_factory.mktemp("own")
    source = release(CHECKOUT, folder / "template")
    living = live(
        source, {"transport": "both", "auth_provider": "oidc", "auth_issuer": "https://id.example.com/"}, folder
    )
    make_own(living.folder)
    run_uv(living, "add", "--quiet", "humanize>=4,<5")
    run_uv(living, "run", "--quiet", "poe", "lock-tools")
    living.commit()
    return living


def run_uv(living: Living, *arguments: str) -> None:
    subprocess.run([uv.find_uv_bin(), *arguments], cwd=living.folder, check=True, capture_output=True)


def seen(report: ProofReport) -> Mapping[str, str]:
    return {result.probe.id: result.observation for result in report.results if result.status is Status.PASSED}


def kept(living: Living) -> set[Path]:
    return {living.folder / "tests/runtime" / f"test_{name}.py" for name in ("egress", "policy", "tool_lock")}


def answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def test_without_its_upstream_the_server_is_proven_all_the_same(own: Living) -> None:
    report = prove_repository(own.folder)

    assert not report.failures
    assert seen(report)["discovery.call-2026"] == "list_customers: 200, tool error"
    assert seen(report)["stdio.call"] == "list_customers: tool error in both eras"


def test_with_a_stand_in_the_given_call_succeeds_and_the_stand_in_is_ended(own: Living, tmp_path: Path) -> None:
    living = own.copy(tmp_path / "own")
    port = free_ports(1)[0]
    give_proof(living.folder, port)

    report = prove_repository(living.folder)

    assert not report.failures
    assert seen(report)["discovery.call-2026"] == "find_customer: 200, result"
    assert seen(report)["stdio.call"] == "find_customer: result in both eras"
    assert "inputs.unknown-argument" in seen(report)
    assert not answers(port)


def test_a_change_of_answers_is_tried_with_its_stand_ins(own: Living, tmp_path: Path) -> None:
    living = own.copy(tmp_path / "own")
    give_proof(living.folder, free_ports(1)[0])
    # Those that remain would meet what `proof.yaml` sets; the others only cost time.
    for test in set((living.folder / "tests/runtime").glob("test_*.py")) - kept(living):
        test.unlink()
    living.commit()

    changed = living.run("set", "license=mit", "--json")

    assert [changed.document[step] for step in ("locked", "tested", "proven", "applied")] == [True] * 4
