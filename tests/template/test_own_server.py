"""A server of a person's own, with an upstream and without the example, is proven, changed and updated."""

from __future__ import annotations

import socket
import subprocess
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest
import uv

from scaffold.proof import ProofReport, prove_repository
from scaffold.proof.probe import Status
from scaffold.toolchain.processes import free_ports
from tests.cluster.control_plane import running_control_planes
from tests.cluster.operation import (
    BAD,
    FIRST,
    IMAGE,
    NAME,
    SECOND,
    Cluster,
    image,
    make_secret,
    release_first,
    set_deadline,
)
from tests.support.deployments import TEXTS
from tests.support.living import Living, Template
from tests.support.own_server import give_proof, give_settings, make_own
from tests.support.releases import live, release
from tests.support.template import CHECKOUT

STEPS = ("locked", "tested", "proven", "applied")
PYPROJECT = "template/pyproject.toml.jinja"
EGRESS_FILE = "template/src/{{package_name}}/runtime/egress/client.py.jinja"

pytestmark = [pytest.mark.life, pytest.mark.network, pytest.mark.slow, pytest.mark.xdist_group("own-server")]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Living:
    """The server, locked and committed, without a `proof.yaml`; nothing listens where its upstream should be."""
    return begin_own(tmp_path_factory.mktemp("own"), {"transport": "both"})


def begin_own(folder: Path, given: Mapping[str, object]) -> Living:
    """Render the template's release in `folder`, and make a server of one's own of it, locked and committed."""
    source = release(CHECKOUT, folder / "template")
    provider = {"auth_provider": "oidc", "auth_issuer": "https://id.example.com/"}
    living = live(source, {**provider, **given}, folder)
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


def keep_few_tests(living: Living) -> None:
    """Commit without the tests that would not meet what `proof.yaml` sets, and only cost time."""
    for test in set((living.folder / "tests/runtime").glob("test_*.py")) - kept(living):
        test.unlink()
    living.commit()


def release_newer(folder: Path) -> None:
    """Release a version of the template that brings a dependency, and changes a managed file elsewhere than an edit."""
    pyproject = (folder / PYPROJECT).read_text(encoding="utf-8")
    egress = (folder / EGRESS_FILE).read_text(encoding="utf-8")
    newer = {
        PYPROJECT: pyproject.replace('  "limits>=', '  "tabulate>=0.9,<1",\n  "limits>='),
        EGRESS_FILE: egress.replace("max_connections=100", "max_connections=90"),
    }
    Template(folder).release("v1.1.0", newer)


def edit_egress(living: Living) -> str:
    """Edit a managed file; returns its path."""
    [path] = living.folder.glob("src/*/runtime/egress/client.py")
    name = path.relative_to(living.folder).as_posix()
    living.replace(name, "MAX_RESPONSE_BYTES = 5_000_000", "MAX_RESPONSE_BYTES = 6_000_000")
    return name


def assert_updated(living: Living, edited: str) -> None:
    """What the person had and what the newer version brings are both there."""
    text = living.read(edited)
    assert "MAX_RESPONSE_BYTES = 6_000_000" in text
    assert "max_connections=90" in text
    merged = tomllib.loads(living.read("pyproject.toml"))["project"]["dependencies"]
    assert {"humanize>=4,<5", "tabulate>=0.9,<1"} <= set(merged)
    assert not list(living.folder.glob("src/*/tools/notes.py"))


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
    keep_few_tests(living)

    changed = living.run("set", "license=mit", "--json")

    assert [changed.document[step] for step in STEPS] == [True] * len(STEPS)


def test_an_update_is_tried_with_its_upstream_down_and_keeps_what_is_its_own(tmp_path: Path) -> None:
    living = begin_own(tmp_path, {"transport": "http"})
    edited = edit_egress(living)
    keep_few_tests(living)
    release_newer(tmp_path / "template")

    updated = living.run("update", "--json")

    assert updated.status == 0, updated.err
    assert [updated.document[step] for step in STEPS] == [True] * len(STEPS)
    assert_updated(living, edited)


@pytest.mark.cluster
@pytest.mark.timeout(1800)
def test_it_moves_from_compose_to_a_cluster_survives_a_bad_release_and_is_updated_there(tmp_path: Path) -> None:
    answers = {"transport": "http", "deployment": "compose", "ci": "github", "image_repository": IMAGE}
    living = begin_own(tmp_path, TEXTS | answers)
    edited = edit_egress(living)
    give_proof(living.folder, free_ports(1)[0])
    keep_few_tests(living)
    moved = living.run("set", "deployment=kubernetes", "--json")
    assert [moved.document[step] for step in STEPS] == [True] * len(STEPS)
    give_settings(living.folder, NAME)
    living.commit()

    with running_control_planes(["main"], tmp_path, audience=NAME) as [plane]:
        cluster = Cluster(living.folder, [plane], "local")
        put_into_service(cluster)
        assert cluster.deploy(SECOND, seconds=300).returncode == 0
        bad = cluster.deploy(BAD, seconds=300)
        assert (bad.returncode, image(plane)) == (1, SECOND)
        assert "did not become ready and it went back" in bad.stderr, bad.stderr
        assert cluster.deploy(FIRST, seconds=300).returncode == 0
        assert image(plane) == FIRST

        release_newer(tmp_path / "template")
        updated = living.run("update", "--json")
        assert [updated.document[step] for step in STEPS] == [True] * len(STEPS)
        assert_updated(living, edited)
        living.commit()
        applied = cluster.apply(plane)
        assert applied.returncode == 0, applied.stderr
        assert cluster.deploy(SECOND, seconds=300).returncode == 0
        assert image(plane) == SECOND


def put_into_service(cluster: Cluster) -> None:
    """Do what the README asks of its operator before the first release of CI, and commit."""
    [plane] = cluster.planes
    plane.do("create", "namespace", NAME)
    make_secret(cluster, plane)
    release_first(cluster)
    Living(cluster.repository).commit()
    applied = cluster.apply(plane)
    assert applied.returncode == 0, applied.stderr
    plane.do("rollout", "status", f"deployment/{NAME}", "--namespace", NAME, "--timeout", "90s")
    [settings] = [
        each["data"]
        for each in plane.get("configmaps", "--namespace", NAME)["items"]
        if each["metadata"]["name"].startswith(f"{NAME}-settings")
    ]
    assert settings["MCP_EGRESS_ALLOWED_HOSTS"] == "crm.example.com"
    set_deadline(cluster)
