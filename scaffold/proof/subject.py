"""The server under proof, with the tokens for it and the functions that start more servers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import Any

from scaffold.endpoint import Endpoint
from scaffold.proof import samples
from scaffold.proof.conversation import Conversation
from scaffold.proof.issuer import Issuer
from scaffold.proof.needs import Need
from scaffold.proof.outcomes import Deviation, NotStarted, Skip
from scaffold.proof.servers import ProgramRun, Server
from scaffold.proof.wire import Client, Era, Message, Reply, exchange
from scaffold.rendered.proof_settings import GivenCall

STEPS_UP = 3
PAGES = 20
_ASKING = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


Boot = Callable[[Mapping[str, str]], AbstractContextManager[tuple["Subject", Server]]]
"""Starts one more server with changed settings; whoever asks waits for what it wants to see."""


RunPython = Callable[[str, Mapping[str, str]], ProgramRun]
"""Runs a program with the repository's own Python and packages."""


@dataclass
class Subject:
    """One server: how it is reached, which tokens there are for it, and whether it may be loaded, started, stopped."""

    endpoint: Endpoint | None = None
    public_url: str = ""
    issuer: Issuer | None = None
    bearer: str | None = None
    roles: tuple[str, ...] = ()
    may_load: bool = True
    shares_state: bool = False
    exports_telemetry: bool = False
    server: Server | None = None
    development: Callable[[], Subject] | None = None
    """Waits for the server in development mode; raises `NotStarted`."""
    boot: Boot | None = None
    run_python: RunPython | None = None
    converse: Callable[[Era], Conversation] | None = None
    starts: dict[str, NotStarted | None] = field(default_factory=dict)
    """What was tried before the probes, and how it failed, if it did."""
    versions: dict[str, str] = field(default_factory=dict)
    given_call: GivenCall | None = None
    principal: str = "prover"
    granted: set[str] = field(default_factory=set)
    lacking: dict[Need, str] = field(default_factory=dict)

    def provide(self, needs: Iterable[Need]) -> None:
        """Make sure that a probe with these needs can be asked; raises `Skip` with the reason when it cannot."""
        for need in sorted(needs, key=list(Need).index):
            if not self._has(need):
                raise Skip(self.lacking.get(need, need.value))

    def _has(self, need: Need) -> bool:  # noqa: PLR0911 -- one a need
        match need:
            case Need.ENDPOINT:
                return self.endpoint is not None
            case Need.ACCESS:
                return self.issuer is not None or self.bearer is not None or not self.asks_for_token
            case Need.CHALLENGE:
                return self.asks_for_token
            case Need.ISSUER:
                return self.issuer is not None
            case Need.PROCESS:
                return self.boot is not None
            case Need.STDIO:
                return self.converse is not None
            case Need.LOAD:
                return self.may_load

    @property
    def address(self) -> Endpoint:
        """The endpoint of a probe that needs one."""
        if self.endpoint is None:
            raise Skip(Need.ENDPOINT.value)
        return self.endpoint

    @property
    def signer(self) -> Issuer:
        """The issuer of a probe that needs one."""
        if self.issuer is None:
            raise Skip(Need.ISSUER.value)
        return self.issuer

    @cached_property
    def unauthenticated(self) -> Reply:
        """The answer to a request without a token."""
        return Client(self.address).request("tools/list")

    @property
    def asks_for_token(self) -> bool:
        """Whether the server wants a token at all."""
        return self.endpoint is not None and (self.issuer is not None or self.unauthenticated.status in _ASKING)

    @cached_property
    def metadata_path(self) -> str:
        """The path of the RFC 9728 metadata, from the challenge or else the well-known one."""
        named = self.unauthenticated.challenge.get("resource_metadata", "")
        if named:
            try:
                return Endpoint.at(named).path
            except ValueError:
                pass
        return "/.well-known/oauth-protected-resource" + self.address.path.rstrip("/")

    @cached_property
    def metadata(self) -> Reply:
        """The protected resource's metadata (RFC 9728)."""
        return exchange(self.address, "GET", self.metadata_path)

    def token(
        self,
        changes: Mapping[str, Any] | None = None,
        *,
        scopes: Iterable[str] | None = None,
        second_factor: bool = True,
    ) -> str | None:
        """A good token for this probe's own principal; `changes` replaces claims and, with None, removes them.

        Each probe has a principal of its own, so that no probe meets the rate limit of another.
        """
        if self.issuer is None:
            return self.bearer
        claims = self.claims(scopes=scopes, second_factor=second_factor)
        return self.issuer.sign({k: v for k, v in {**claims, **(changes or {})}.items() if v is not None})

    def claims(self, *, scopes: Iterable[str] | None = None, second_factor: bool = True) -> dict[str, Any]:
        """The claims of such a token."""
        names = self.scopes if scopes is None else scopes
        roles = self.roles if scopes is None else ()
        return self.signer.claims(self.principal, sorted(names), roles, second_factor=second_factor)

    def booted(self, changes: Mapping[str, str]) -> AbstractContextManager[tuple[Subject, Server]]:
        """One more server with changed settings; it is ended when the block ends."""
        if self.boot is None:
            raise Skip(Need.PROCESS.value)
        return self.boot(changes)

    def conversation(self, era: Era) -> Conversation:
        """The conversation over stdio in one era; the first probe that asks waits until it has ended."""
        if self.converse is None:
            raise Skip(Need.STDIO.value)
        return self.converse(era)

    @property
    def scopes(self) -> set[str]:
        """The scopes that a client asks for at first, and those that challenges have asked for since."""
        document = self.metadata.document
        supported = document.get("scopes_supported", []) if isinstance(document, dict) else []
        challenged = self.unauthenticated.challenge.get("scope", "").split()
        return {*supported, *challenged, *self.granted}

    @cached_property
    def era(self) -> Era:
        """The newest era that the server speaks."""
        reply = Client(self.address, Era.MODERN, self.token()).request("server/discover")
        return Era.MODERN if reply.result or reply.status == HTTPStatus.UNAUTHORIZED else Era.LEGACY

    @cached_property
    def session(self) -> str | None:
        """The session that a stateful 2025-11-25 server wants before anything else; stateless ones give none."""
        return Client(self.address, Era.LEGACY, self.token()).initialize()[1].session

    def client(self, era: Era | None = None) -> Client:
        """A client with a good token, where there is one to have."""
        return self.bare_client(self.token(), era)

    def bare_client(self, token: str | None, era: Era | None = None) -> Client:
        """A client with exactly this token, or none."""
        era = era or self.era
        return Client(self.address, era, token, self.session if era is Era.LEGACY else None)

    @cached_property
    def tools(self) -> list[Message]:
        """The tools that the server lists to a client with a good token."""
        return self.list_tools(self.client())

    def list_tools(self, client: Client) -> list[Message]:
        """All pages of a client's tools/list."""
        tools: list[Message] = []
        cursor: dict[str, str] = {}
        for _ in range(PAGES):
            result = client.request("tools/list", cursor).result
            tools += [tool for tool in result.get("tools", []) if isinstance(tool, dict)]
            if not result.get("nextCursor"):
                break
            cursor = {"cursor": result["nextCursor"]}
        return tools

    @property
    def sample(self) -> samples.Call:
        """The call of a proof; raises `Skip` when there is none, and `Deviation` when its tool is not listed."""
        try:
            chosen = samples.choose(self.tools, self.given_call)
        except LookupError as error:
            raise Deviation(str(error)) from error
        if chosen is None:
            raise Skip(samples.NONE_READS)
        return chosen

    @cached_property
    def sampled(self) -> Reply:
        """The answer to the sample call, in the newest era. It is called once, because a tool may be slow."""
        return self.call(self.sample.tool, self.sample.arguments)

    def call(self, tool: Message, arguments: Mapping[str, Any], era: Era | None = None) -> Reply:
        """Call a tool as a real client does: a challenge for more scopes is followed."""
        params = {"name": tool["name"], "arguments": dict(arguments)}
        headers = samples.parameter_headers(samples.schema(tool), arguments)
        reply = self.client(era).request("tools/call", params, headers=headers)
        for _ in range(STEPS_UP):
            wanted = set(reply.challenge.get("scope", "").split())
            if reply.status != HTTPStatus.FORBIDDEN or self.issuer is None or wanted <= self.granted:
                break
            self.granted |= wanted
            reply = self.client(era).request("tools/call", params, headers=headers)
        return reply
