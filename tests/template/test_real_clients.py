"""Official clients, authorization servers that are not ours, and a rendered server between them."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.servers.started import free_port, install_rendered, started
from tests.support import node
from tests.support.cache import cache_of
from tests.support.keycloak import PASSWORD, find_distribution, one_time_password, running_keycloak
from tests.support.official_clients import CALLBACK, Call, Trip, Visit, visit_with_python, visit_with_typescript
from tests.support.person import Person
from tests.support.template import CHECKOUT

PROJECT = CHECKOUT / "tests" / "clients"
SCOPES = {"mcp:read", "mcp:write", "mcp:admin"}
CALLS = (Call("list_notes"), Call("add_note", {"text": "hello"}), Call("purge_notes"))
"""Each needs one scope more than the one before; the last one needs a second factor too."""

pytestmark = [
    pytest.mark.clients,
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="ends what it starts by process group"),
    pytest.mark.xdist_group("clients"),
]


METADATA_URL = "https://client.example.com/oauth/client.json"
METADATA_DOCUMENT = {
    "client_id": METADATA_URL,
    "client_name": "A client with a metadata document",
    "redirect_uris": [CALLBACK],
    "application_type": "native",
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "token_endpoint_auth_method": "none",
}


@dataclass(frozen=True)
class World:
    """A server that listens at `url`, and what happens where it sends a client's user."""

    url: str
    go: Callable[[str], str]

    def trip(self, mode: str, metadata_url: str | None = None) -> Trip:
        """What a client is to do here."""
        return Trip(self.url, mode, CALLS, self.go, metadata_url)


@pytest.fixture(scope="module")
def programs(pytestconfig: pytest.Config) -> Path:
    """The installed Node programs."""
    folder = node.install(PROJECT, cache_of(pytestconfig))
    for program in PROJECT.glob("*.mjs"):
        shutil.copy(program, folder)
    return folder


@pytest.fixture(scope="module")
def oidc_provider(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A rendered server, with oidc-provider."""
    with world_of_oidc_provider(programs, tmp_path_factory.mktemp("oidc-provider")) as world:
        yield world


@pytest.fixture(scope="module")
def keycloak(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A rendered server, with Keycloak."""
    with world_of_keycloak(find_distribution(cache_of(pytestconfig)), tmp_path_factory.mktemp("keycloak")) as world:
        yield world


@pytest.fixture(params=["oidc_provider", pytest.param("keycloak", marks=pytest.mark.keycloak)])
def world(request: pytest.FixtureRequest) -> World:
    """Each of them."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, World)
    return found


@pytest.fixture(params=["python", "typescript"])
def visit(request: pytest.FixtureRequest, programs: Path) -> Callable[[Trip], Visit]:
    """One of the clients, on a trip."""
    return visit_with_python if request.param == "python" else lambda trip: visit_with_typescript(trip, programs)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_a_client_registers_authorizes_calls_and_steps_up(
    visit: Callable[[Trip], Visit], world: World, mode: str
) -> None:
    seen = visit(world.trip(mode))
    assert_stepped_up(seen, world.url)
    assert {request["client_id"] for request in seen.authorizations}.isdisjoint({METADATA_URL})


def test_a_client_is_known_by_its_metadata_document(visit: Callable[[Trip], Visit], oidc_provider: World) -> None:
    seen = visit(oidc_provider.trip("auto", METADATA_URL))
    assert_stepped_up(seen, oidc_provider.url)
    assert {request["client_id"] for request in seen.authorizations} == {METADATA_URL}


def assert_stepped_up(seen: Visit, url: str) -> None:
    """Each call worked, with one scope more than the one before, asked for with PKCE and for this resource."""
    assert [(name, failed) for name, failed, _ in seen.calls] == [(call.name, False) for call in CALLS]
    assert [scopes & SCOPES for _, _, scopes in seen.calls] == [{"mcp:read"}, {"mcp:read", "mcp:write"}, SCOPES]
    assert len({request["client_id"] for request in seen.authorizations}) == 1, "registered once"
    assert [request["resource"] for request in seen.authorizations] == [url] * 3
    assert [request["code_challenge_method"] for request in seen.authorizations] == ["S256"] * 3


@contextmanager
def world_of_oidc_provider(programs: Path, folder: Path) -> Iterator[World]:
    """`auth_provider` oidc, with oidc-provider."""
    issuer, url = f"http://127.0.0.1:{free_port()}", own_url()
    command = [node.find("node"), str(programs / "authorization-server.mjs"), str(urlsplit(issuer).port), url]
    command.append(json.dumps(METADATA_DOCUMENT))
    person = Person({"username": "alice", "password": PASSWORD, "otp": "123456"}.get)
    with (
        started(command, f"{issuer}/.well-known/openid-configuration", folder / "authorization-server.log"),
        serving(url, issuer, folder, "auth_provider=oidc", "auth_issuer=https://id.example.com"),
    ):
        yield World(url, lambda address: person.authorize(address, CALLBACK))


@contextmanager
def world_of_keycloak(home: Path, folder: Path) -> Iterator[World]:
    """`auth_provider` keycloak, with a Keycloak whose administrator allows each client that registers its scopes."""
    url = own_url()
    person = Person(know)
    with running_keycloak(home, folder / "keycloak.log") as keycloak:
        issuer = keycloak.create_realm(url)

        def go(address: str) -> str:
            keycloak.allow_scopes(parse_qs(urlsplit(address).query)["client_id"][0])
            return person.authorize(address, CALLBACK)

        answers = ("auth_provider=keycloak", "auth_issuer=https://id.example.com/realms/mcp")
        with serving(url, issuer, folder, *answers):
            yield World(url, go)


def know(field: str) -> str | None:
    """What alice writes into a form of Keycloak."""
    return {"username": "alice", "password": PASSWORD, "otp": one_time_password()}.get(field)


@contextmanager
def serving(url: str, issuer: str, folder: Path, *answers: str) -> Iterator[None]:
    """A repository rendered with these answers, in development at `url`, with tokens of `issuer`."""
    server = install_rendered(folder, "transport=http", "deployment=none", *answers)
    settings = {
        "MCP_ENVIRONMENT": "development",
        "MCP_PORT": str(urlsplit(url).port),
        "MCP_AUTH_ISSUER": issuer,
    }
    command = [str(server.executable(server.repository.slug))]
    with started(command, url.removesuffix("/mcp") + "/readyz", folder / "server.log", settings):
        yield


def own_url() -> str:
    """An endpoint on a free port."""
    return f"http://127.0.0.1:{free_port()}/mcp"
