"""Tokens as providers write them, against the verifier that is rendered for each provider's row."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from scaffold.rendered.answers import Answers
from scaffold.template.rendering import Renderer
from scaffold.template.source import TemplateSource
from tests.support.rows import PROVIDERS, Row
from tests.support.template import CHECKOUT, copy_questions

AUTHENTICATED = [name for name in PROVIDERS if name != "none"]
ACCEPTED = [(name, number) for name, row in PROVIDERS.items() for number in range(len(row["examples"]["accepted"]))]
REFUSED = [(name, example["why"]) for name, row in PROVIDERS.items() for example in row["examples"]["refused"]]
PUBLIC_URL = "https://mcp.example.com/mcp"
KEY = generate_private_key(65537, 2048)

# One worker renders them all, once.
pytestmark = pytest.mark.xdist_group("provider tokens")


class OneKey:
    """The keys of an issuer that has one."""

    is_current = True

    async def find(self, _: str | None) -> jwt.PyJWK:
        """The one, whatever its id."""
        return jwt.PyJWK(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True))


class Server:
    """What decides about a request in a server that is rendered for a provider: its guards, by its own policy."""

    def __init__(self, name: str, folder: Path) -> None:
        """Import what was rendered into the folder."""
        self._package = f"{name}_server"
        self._row = PROVIDERS[name]
        self.audience = audience_of(self._row)
        settings = self._module("runtime.settings").Settings(
            environment="development",
            public_url=PUBLIC_URL,
            auth_issuer=self._row["issuer_example"],
            auth_audience=self.audience,
        )
        policy = self._module("runtime.access.policy").load_policy(folder / "policy.yaml")
        challenges = self._module("runtime.oauth.challenge").Challenges(settings, policy)
        second_factor = [frozenset(settings.auth_second_factor_scopes)] if self._row["second_factor"] else []
        guards = self._module("runtime.http.guards.scope_challenge"), self._module("runtime.http.guards.authentication")
        scopes = guards[0].ScopeChallenge(_answer, policy, challenges, *second_factor)
        verifier = self._module("runtime.oauth.verifier").TokenVerifier(settings, OneKey())
        self._guarded = guards[1].Authentication(scopes, verifier, challenges)

    def status(self, example: Row) -> int:
        """The status of a call with the example's token: 200 where it reaches the tool."""
        call = {"method": "tools/call", "params": {"name": example.get("call", "list_notes")}}
        headers = [(b"authorization", f"Bearer {self._sign(example)}".encode())]
        try:
            asyncio.run(self._guarded({"type": "http", "headers": headers, "message": call}, None, None))
        except self._module("runtime.http.errors").RequestRefused as refused:
            return int(refused.status)
        return 200

    def _sign(self, example: Row) -> str:
        now = int(time.time())
        issued = {"iss": self._row["issuer_example"], "iat": now, "exp": now + 300, "auth_time": now}
        claims = {name: self._fill(value) for name, value in {**issued, **example["claims"]}.items()}
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(
            claims, KEY, algorithm="RS256", headers={"typ": None, "kid": "1", **example.get("header", {})}
        )

    def _fill(self, value: object) -> object:
        if isinstance(value, list):
            return [self._fill(item) for item in value]
        if not isinstance(value, str):
            return value
        return value.replace("{public_url}", PUBLIC_URL).replace("{audience}", self.audience)

    def _module(self, name: str) -> ModuleType:
        return import_module(f"{self._package}.{name}")


def audience_of(row: Row) -> str:
    """The audience that a server answers for this provider."""
    usual = row["audience_default"].format(public_url=PUBLIC_URL)
    return str(usual or row["audiences_taken"][0])


async def _answer(*_: object) -> None:
    """What stands behind the guards."""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Server]]:
    """The guards of a server for each provider."""
    folder = tmp_path_factory.mktemp("providers")
    renderer = Renderer(TemplateSource("checkout", CHECKOUT, CHECKOUT.as_posix(), "HEAD", CHECKOUT), folder)
    template = copy_questions(renderer.template)
    shutil.copytree(CHECKOUT / "template/src", template / "template/src")
    for file in ("policy.yaml.jinja", "{{_copier_conf.answers_file}}.jinja"):
        shutil.copy(CHECKOUT / "template" / file, template / "template")
    for name in AUTHENTICATED:
        answers: Answers = {
            "project_slug": f"{name}-server",
            "transport": "http",
            "auth_provider": name,
            "deployment": "none",
        }
        answers |= {"public_url": PUBLIC_URL, "auth_audience": audience_of(PROVIDERS[name])}
        renderer.with_defaults(answers, folder / name)
        installed = folder / name / "src" / f"{name}_server-1.dist-info"
        installed.mkdir()
        (installed / "METADATA").write_text(f"Name: {name}-server\nVersion: 1\n")
    monkeypatch = pytest.MonkeyPatch()
    for name in AUTHENTICATED:
        monkeypatch.syspath_prepend(folder / name / "src")
    yield {name: Server(name, folder / name) for name in AUTHENTICATED}
    monkeypatch.undo()


@pytest.mark.parametrize("name, number", ACCEPTED)
def test_a_token_of_the_provider_is_accepted(name: str, number: int, servers: Mapping[str, Server]) -> None:
    assert servers[name].status(PROVIDERS[name]["examples"]["accepted"][number]) == 200


@pytest.mark.parametrize("name, why", REFUSED)
def test_what_is_no_token_for_this_server_is_refused(name: str, why: str, servers: Mapping[str, Server]) -> None:
    examples = PROVIDERS[name]["examples"]
    first, [changed] = examples["accepted"][0], [row for row in examples["refused"] if row["why"] == why]
    example: Row = first | changed | {"claims": {**first["claims"], **changed.get("claims", {})}}
    assert servers[name].status(example) == changed.get("status", 401)


@pytest.mark.parametrize("name", AUTHENTICATED)
def test_a_row_brings_tokens_of_each_kind(name: str) -> None:
    """An ID token or its like, a token for somebody else, and one that grants too little."""
    examples: dict[str, list[Any]] = PROVIDERS[name]["examples"]
    row = PROVIDERS[name]
    marks = {*row["forbidden_claims"], *row["required_claims"]}
    changed = [(example.get("claims", {}), example.get("status", 401)) for example in examples["refused"]]
    assert len(examples["accepted"]) >= 2
    assert any(status == 401 and claims.keys() & marks for claims, status in changed)
    assert any(status == 401 and claims.keys() & {row["audience_claim"], "aud"} for claims, status in changed)
    assert any(status == 403 for _, status in changed)
    assert all(example["why"].endswith(".") for example in examples["refused"])
