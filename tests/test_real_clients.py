"""Official clients, authorization servers that are not ours, and a rendered server between them."""

from __future__ import annotations

import shutil
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import node
from tests.official_clients import CALLBACK, Call, Trip, Visit, visit_with_python, visit_with_typescript
from tests.person import Person
from tests.servers.started import free_port, install_rendered, started

PROJECT = Path(__file__).with_name("clients")
SCOPES = {"mcp:read", "mcp:write", "mcp:admin"}
CALLS = (Call("list_notes"), Call("add_note", {"text": "hello"}), Call("purge_notes"))
"""Each needs one scope more than the one before."""

pytestmark = [
    pytest.mark.clients,
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("clients"),
]


@dataclass(frozen=True)
class World:
    """A server, its authorization server's user, and the certificates that clients have to trust."""

    url: str
    person: Person
    programs: Path
    authority: Path | None = None

    def trip(self, mode: str) -> Trip:
        """What a client is to do here."""
        return Trip(self.url, mode, CALLS, lambda url: self.person.authorize(url, CALLBACK))

    @property
    def trust(self) -> ssl.SSLContext | None:
        """What a Python client trusts."""
        return ssl.create_default_context(cafile=self.authority) if self.authority else None


@pytest.fixture(scope="module")
def programs(pytestconfig: pytest.Config) -> Path:
    """The installed Node programs."""
    cache = pytestconfig.cache
    assert cache is not None
    folder = node.install(PROJECT, cache)
    for program in PROJECT.glob("*.mjs"):
        shutil.copy(program, folder)
    return folder


@pytest.fixture(scope="module")
def world(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A server rendered for any OpenID provider, with oidc-provider as the authorization server."""
    folder = tmp_path_factory.mktemp("oidc")
    answers = ("transport=http", "auth_provider=oidc", "auth_issuer=https://id.example.com", "deployment=none")
    server = install_rendered(folder, *answers)
    issuer, base = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    url = f"{base}/mcp"
    authorization_server = [
        node.find("node"),
        str(programs / "authorization-server.mjs"),
        issuer.rpartition(":")[2],
        url,
    ]
    settings = {
        "MCP_ENVIRONMENT": "development",
        "MCP_PORT": base.rpartition(":")[2],
        "MCP_AUTH_ISSUER": issuer,
    }
    program = [str(server.executable(server.repository.slug))]
    discovery = f"{issuer}/.well-known/openid-configuration"
    with (
        started(authorization_server, discovery, folder / "authorization-server.log"),
        started(program, f"{base}/readyz", folder / "server.log", settings),
    ):
        yield World(url, Person({"username": "alice", "password": "correct horse", "otp": "123456"}), programs)


@pytest.fixture(params=["python", "typescript"])
def visit(request: pytest.FixtureRequest, world: World) -> Callable[[str], Visit]:
    """One of the clients, ready to visit the server in one of its modes."""
    if request.param == "python":
        return lambda mode: visit_with_python(world.trip(mode), world.trust)
    return lambda mode: visit_with_typescript(world.trip(mode), world.programs, world.authority)


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_a_client_registers_authorizes_calls_and_steps_up(
    visit: Callable[[str], Visit], world: World, mode: str
) -> None:
    seen = visit(mode)
    assert [(name, failed) for name, failed, _ in seen.calls] == [(call.name, False) for call in CALLS]
    assert [scopes & SCOPES for _, _, scopes in seen.calls] == [{"mcp:read"}, {"mcp:read", "mcp:write"}, SCOPES]
    assert len({request["client_id"] for request in seen.authorizations}) == 1, "registered once"
    assert [request["resource"] for request in seen.authorizations] == [world.url] * 3
    assert [request["code_challenge_method"] for request in seen.authorizations] == ["S256"] * 3
