"""Does the server say what it is, list what it has, and do it when asked, in both eras?"""

# ruff: noqa: D103, PLR2004 -- a probe is documented by its title and expectation, which name the numbers

from __future__ import annotations

from urllib.parse import urlsplit

from scaffold.proof.needs import Need
from scaffold.proof.probe import Family, check
from scaffold.proof.sources import (
    MCP_AUTHORIZATION,
    MCP_BASE,
    MCP_DISCOVER,
    MCP_LIFECYCLE_2025,
    MCP_TOOLS,
    RESOURCE_METADATA,
)
from scaffold.proof.subject import Subject
from scaffold.proof.wire import Client, Era, Message, Reply, exchange

FAMILY = Family("discovery", Need.ENDPOINT)


@FAMILY.probe(
    "discover",
    "server/discover tells versions and capabilities",
    expect="200 with supportedVersions that hold 2026-07-28, capabilities, ttlMs and cacheScope",
    source=MCP_DISCOVER,
    control="OPS-01",
    needs=(Need.ACCESS,),
    core=True,
)
def discover(subject: Subject) -> str:
    reply = subject.client(Era.MODERN).request("server/discover")
    supported = reply.result.get("supportedVersions", [])
    complete = reply.status == 200 and Era.MODERN in supported and isinstance(reply.result.get("capabilities"), dict)
    check(complete, f"{reply}; versions {supported}")
    check(_cacheable(reply.result), "no valid ttlMs and cacheScope")
    return "versions " + ", ".join(sorted(supported))


@FAMILY.probe(
    "initialize",
    "initialize agrees on 2025-11-25",
    expect="200 with protocolVersion 2025-11-25, capabilities and serverInfo",
    source=MCP_LIFECYCLE_2025.section("Initialization", "initialization"),
    control="OPS-01",
    needs=(Need.ACCESS,),
    core=True,
)
def initialize(subject: Subject) -> str:
    reply, _ = Client(subject.address, Era.LEGACY, subject.token()).initialize()
    version = reply.result.get("protocolVersion")
    named = isinstance(reply.result.get("serverInfo"), dict) and isinstance(reply.result.get("capabilities"), dict)
    return check(version == Era.LEGACY and named, f"{reply}; version {version}")


@FAMILY.probe(
    "list-2026",
    "tools/list in the era of 2026-07-28",
    expect="200 with tools, each with a schema, resultType complete, ttlMs and cacheScope",
    source=MCP_TOOLS.section("Listing Tools", "listing-tools"),
    control="OPS-01",
    needs=(Need.ACCESS,),
    core=True,
)
def list_modern(subject: Subject) -> str:
    reply = subject.client(Era.MODERN).request("tools/list")
    listed = _listed(reply)
    check(reply.result.get("resultType") == "complete", "resultType is not complete")
    check(_cacheable(reply.result), "no valid ttlMs and cacheScope")
    return listed


@FAMILY.probe(
    "list-2025",
    "tools/list in the era of 2025-11-25",
    expect="200 with tools, each with a schema",
    source=MCP_TOOLS.section("Listing Tools", "listing-tools"),
    control="OPS-01",
    needs=(Need.ACCESS,),
    core=True,
)
def list_legacy(subject: Subject) -> str:
    return _listed(subject.client(Era.LEGACY).request("tools/list"))


@FAMILY.probe(
    "stable-list",
    "The list of tools has one order",
    expect="two lists of two principals are equal",
    source=MCP_TOOLS.section("Capabilities", "capabilities"),
    control="OPS-01",
    needs=(Need.ACCESS,),
)
def stable_list(subject: Subject) -> str:
    first = subject.list_tools(subject.client())
    subject.principal += "-again"
    second = subject.list_tools(subject.client())
    return check(first == second, "equal" if first == second else "the lists differ")


@FAMILY.probe(
    "call-2026",
    "A listed tool can be called in the era of 2026-07-28",
    expect="200 with a result; one that says that the tool failed shows that the call arrived",
    source=MCP_TOOLS.section("Calling Tools", "calling-tools"),
    control="OPS-01",
    needs=(Need.ACCESS,),
    core=True,
)
def call_modern(subject: Subject) -> str:
    return _call(subject, Era.MODERN)


@FAMILY.probe(
    "call-2025",
    "A listed tool can be called in the era of 2025-11-25",
    expect="200 with a result; one that says that the tool failed shows that the call arrived",
    source=MCP_TOOLS.section("Calling Tools", "calling-tools"),
    control="OPS-01",
    needs=(Need.ACCESS,),
    core=True,
)
def call_legacy(subject: Subject) -> str:
    return _call(subject, Era.LEGACY)


@FAMILY.probe(
    "metadata",
    "Protected resource metadata names the resource and its issuer",
    expect="200 with this resource's URL, its authorization servers, and no offline_access among the scopes",
    source=RESOURCE_METADATA.section("section 3", "section-3"),
    control="AUTH-01",
    needs=(Need.CHALLENGE,),
    core=True,
)
def metadata(subject: Subject) -> str:
    document = _document(subject.metadata)
    check(document.get("resource") == subject.public_url, f"resource is {document.get('resource')!r}")
    servers = document.get("authorization_servers") or []
    check(bool(servers), "no authorization_servers")
    if subject.issuer is not None:
        check(subject.issuer.url in servers, "the issuer is not among authorization_servers")
    check("offline_access" not in document.get("scopes_supported", []), "scopes_supported holds offline_access")
    return "200, resource and issuer are named"


@FAMILY.probe(
    "metadata-place",
    "Protected resource metadata is where clients look",
    expect="the well-known path followed by the resource's own path answers with the same document",
    source=RESOURCE_METADATA.section("section 3.1", "section-3.1"),
    control="AUTH-01",
    needs=(Need.CHALLENGE,),
)
def metadata_place(subject: Subject) -> str:
    path = urlsplit(subject.public_url).path.rstrip("/")
    reply = exchange(subject.address, "GET", f"/.well-known/oauth-protected-resource{path}")
    return check(reply.status == 200 and reply.document == subject.metadata.document, reply)


@FAMILY.probe(
    "resource-host",
    "The metadata is found at the resource's public address",
    expect="resource_metadata of the challenge is an https URL on the resource's own host",
    source=RESOURCE_METADATA.section("section 5.1", "section-5.1"),
    control="AUTH-01",
    needs=(Need.CHALLENGE,),
)
def resource_host(subject: Subject) -> str:
    named = urlsplit(subject.unauthenticated.challenge.get("resource_metadata", ""))
    public = urlsplit(subject.public_url)
    return check((named.scheme, named.netloc) == (public.scheme, public.netloc), named.netloc or "no resource_metadata")


@FAMILY.probe(
    "identity",
    "Answers of 2026-07-28 carry the server's name",
    expect="_meta holds io.modelcontextprotocol/serverInfo",
    source=MCP_BASE.section("_meta"),
    control="OPS-01",
    needs=(Need.ACCESS,),
)
def identity(subject: Subject) -> str:
    meta = subject.client(Era.MODERN).request("server/discover").result.get("_meta") or {}
    server = meta.get("io.modelcontextprotocol/serverInfo") or {}
    return check(bool(server.get("name")), server.get("name") or "no serverInfo")


@FAMILY.probe(
    "no-token-in-query",
    "A token in the query is no token",
    expect="401 for a good token that stands in the URL",
    source=MCP_AUTHORIZATION.section("Token Requirements", "token-requirements"),
    control="AUTH-02",
    needs=(Need.CHALLENGE, Need.ISSUER),
)
def no_token_in_query(subject: Subject) -> str:
    reply = exchange(
        subject.address,
        "POST",
        f"{subject.address.path}?access_token={subject.token()}",
        headers=[("Content-Type", "application/json"), ("Accept", "application/json, text/event-stream")],
        body=b'{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}',
    )
    return check(reply.status == 401, reply)


def _cacheable(result: Message) -> bool:
    lifetime = result.get("ttlMs")
    return isinstance(lifetime, int) and lifetime >= 0 and result.get("cacheScope") in ("public", "private")


def _listed(reply: Reply) -> str:
    tools = reply.result.get("tools")
    check(reply.status == 200 and isinstance(tools, list), reply)
    for tool in tools or []:
        check(
            bool(tool.get("name")) and isinstance(tool.get("inputSchema"), dict), f"{tool.get('name')!r} is incomplete"
        )
    return f"{len(tools or [])} tools"


def _call(subject: Subject, era: Era) -> str:
    sample = subject.sample
    reply = subject.call(sample.tool, sample.arguments, era)
    return check(reply.status == 200 and not sample.trouble(reply.result), f"{sample.name}: {reply}")


def _document(reply: Reply) -> Message:
    document = reply.document
    check(reply.status == 200 and isinstance(document, dict), reply)
    return document if isinstance(document, dict) else {}
