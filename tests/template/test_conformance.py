"""The official conformance suite against a rendered server's own application, with the suite's fixtures registered."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from scaffold.proof.issuer import Authority, TokenShape, running_issuer
from scaffold.toolchain.installation import Installation
from tests.servers.started import free_port, install_rendered, started
from tests.support import node
from tests.support.cache import cache_of
from tests.support.template import CHECKOUT

PROJECT = CHECKOUT / "tests" / "conformance"
PACKAGE = Path("node_modules/@modelcontextprotocol/conformance")
REQUIRED = {"2026-07-28": 37, "2025-11-25": 30}
NEEDS_A_SESSION = {
    "tools-call-sampling",
    "tools-call-elicitation",
    "elicitation-sep1034-defaults",
    "elicitation-sep1330-enums",
    "server-sse-multiple-streams",
}
"""Without a session a server of 2025-11-25 cannot ask the client during a call, and has no streams to tell apart."""

pytestmark = [
    pytest.mark.clients,
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="ends what it starts by process group"),
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("conformance"),
]


@pytest.fixture(scope="module")
def suite(pytestconfig: pytest.Config) -> Path:
    """The installed suite."""
    return node.install(PROJECT, cache_of(pytestconfig))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A server with everything that surrounds a call, authentication included."""
    answers = ("transport=http", "auth_provider=oidc", "auth_issuer=https://id.example.com", "deployment=none")
    return install_rendered(tmp_path_factory.mktemp("conformance"), *answers)


@pytest.mark.parametrize("revision", REQUIRED)
def test_every_required_scenario_passes(suite: Path, server: Installation, tmp_path: Path, revision: str) -> None:
    with serving(server, tmp_path, MCP_MAX_LEGACY_SESSIONS="100") as url:
        outcome = run(suite, url, revision, tmp_path)
    assert outcome == {scenario: [] for scenario in required(suite, revision)}


def test_without_sessions_only_asking_during_a_call_is_missing(
    suite: Path, server: Installation, tmp_path: Path
) -> None:
    with serving(server, tmp_path, MCP_MAX_LEGACY_SESSIONS="0") as url:
        outcome = run(suite, url, "2025-11-25", tmp_path)
    assert {scenario for scenario, problems in outcome.items() if problems} == NEEDS_A_SESSION


@contextmanager
def serving(server: Installation, folder: Path, **settings: str) -> Iterator[str]:
    """The fixtures, served in development by what was installed, for a client whose token is good."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    authority = Authority(folder)
    with running_issuer(authority, "", f"{url}/mcp", TokenShape()) as issuer:
        environment = {
            "CONFORMANCE_TOKEN": issuer.sign(issuer.claims("reader", ["mcp:read"])),
            "MCP_AUTH_ISSUER": issuer.url,
            "MCP_ENVIRONMENT": "development",
            "MCP_PORT": str(port),
            "MCP_RATE_LIMIT": "10000/minute",
            "PYTHONPATH": str(PROJECT),
            "SSL_CERT_FILE": str(authority.certificate_file),
            **settings,
        }
        command = [str(server.executable("python")), "-m", "suite"]
        with started(command, f"{url}/readyz", folder / "server.log", environment):
            yield f"{url}/mcp"


def run(suite: Path, url: str, revision: str, folder: Path) -> dict[str, list[str]]:
    """What every required scenario found wrong, warnings included."""
    results = folder / "results"
    program = [node.find("node"), str(suite / PACKAGE / "dist/index.js")]
    arguments = ["server", "--url", url, "--requirements", revision, "--output-dir", str(results)]
    subprocess.run([*program, *arguments], cwd=suite, capture_output=True, timeout=200, check=False)
    wanted = required(suite, revision)
    outcome = {}
    for checks in results.glob("server-*/checks.json"):
        scenario = checks.parent.name.removeprefix("server-")[: -len("-2026-01-01T00-00-00-000Z")]
        if scenario in wanted:
            outcome[scenario] = [problem(check) for check in json.loads(checks.read_text()) if is_wrong(check)]
    return outcome


def is_wrong(check: Mapping[str, Any]) -> bool:
    """Whether a check failed, or would rather have seen something else."""
    return check["status"] in {"FAILURE", "WARNING"}


def problem(check: Mapping[str, Any]) -> str:
    """What a check says that it saw."""
    return f"{check['id']}: {check.get('errorMessage') or check.get('details')}"


def required(suite: Path, revision: str) -> set[str]:
    """The server scenarios that a revision requires, as the suite froze them."""
    text = (suite / PACKAGE / "requirements" / f"{revision}.yaml").read_text(encoding="utf-8")
    scenarios = YAML(typ="safe").load(text)["server"]
    assert len(scenarios) == REQUIRED[revision]
    return set(scenarios)
