"""The realm that compose.yaml gives to a Keycloak for development: an official client authorizes in it and calls."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.servers.started import free_port, install_rendered, started
from tests.support.cache import cache_of
from tests.support.keycloak import find_distribution, running_keycloak
from tests.support.official_clients import CALLBACK, Call, Trip, visit_with_python
from tests.support.person import Person

pytestmark = [pytest.mark.clients, pytest.mark.keycloak, pytest.mark.network, pytest.mark.slow]
LOCAL = "http://127.0.0.1:8000/mcp"


@pytest.mark.timeout(900)
def test_a_client_registers_in_the_realm_of_compose_and_calls(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    url = f"http://127.0.0.1:{free_port()}/mcp"
    answers = ("transport=http", "auth_provider=keycloak", "deployment=compose", "telemetry=none")
    server = install_rendered(tmp_path, *answers, "auth_issuer=https://id.example.com/realms/main")
    home = tmp_path / "keycloak"
    shutil.copytree(find_distribution(cache_of(pytestconfig)), home, symlinks=True)
    realm = (server.repository.path / "deploy/development/realm.json").read_text(encoding="utf-8")
    (home / "data/import").mkdir(parents=True, exist_ok=True)
    (home / "data/import/realm.json").write_text(realm.replace(LOCAL, url), encoding="utf-8")
    alice = Person({"username": "alice", "password": "alice"}.get)
    with running_keycloak(home, tmp_path / "keycloak.log", "--import-realm") as keycloak:
        settings = {
            "MCP_ENVIRONMENT": "development",
            "MCP_PORT": url.split(":")[2].removesuffix("/mcp"),
            "MCP_AUTH_ISSUER": f"{keycloak.url}/realms/{json.loads(realm)['realm']}",
        }
        command = [str(server.executable(server.repository.slug))]
        with started(command, url.removesuffix("/mcp") + "/readyz", tmp_path / "server.log", settings):
            seen = visit_with_python(Trip(url, "auto", [Call("list_notes")], lambda to: alice.authorize(to, CALLBACK)))
    assert [(name, failed) for name, failed, _ in seen.calls] == [("list_notes", False)]
    assert seen.authorizations[0]["resource"] == url
