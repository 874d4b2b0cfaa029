"""Does the server answer only under its own name, and only to its own origins?"""

# ruff: noqa: D103, PLR2004 -- a probe is documented by its title and expectation, which name the numbers

from __future__ import annotations

from scaffold.proof.needs import Need
from scaffold.proof.outcomes import Skip
from scaffold.proof.probe import Family, check
from scaffold.proof.servers import ALLOWED_ORIGIN
from scaffold.proof.sources import FETCH, HTTP, KUBERNETES_PROBES, MCP_HTTP
from scaffold.proof.subject import Subject
from scaffold.proof.wire import Era, Reply, exchange

FAMILY = Family("network", Need.ENDPOINT)

SECURITY = MCP_HTTP.section("Security & Endpoint")
FOREIGN_HOST = "rebound.example.net"
FOREIGN_ORIGIN = "https://attacker.example.net"


@FAMILY.probe(
    "foreign-host",
    "A foreign Host is refused",
    expect="421, or another 4xx that is no answer to the token",
    source=HTTP.section("section 15.5.20", "section-15.5.20"),
    control="NET-01",
    core=True,
)
def foreign_host(subject: Subject) -> str:
    reply = subject.client().request("tools/list", headers=[("Host", FOREIGN_HOST)])
    if reply.status == 401 and subject.token() is None:
        raise Skip("401 came first: with a token it could be told")
    return check(400 <= reply.status < 500 and reply.status not in (401, 429), reply)


@FAMILY.probe(
    "foreign-origin",
    "A foreign Origin is refused",
    expect="403, with a token or without",
    source=SECURITY,
    control="NET-02",
    core=True,
)
def foreign_origin(subject: Subject) -> str:
    replies = [
        subject.bare_client(token).request("tools/list", headers=[("Origin", FOREIGN_ORIGIN)])
        for token in dict.fromkeys((subject.token(), None))
    ]
    return check(all(reply.status == 403 for reply in replies), " and ".join(str(reply.status) for reply in replies))


@FAMILY.probe(
    "opaque-origin",
    "The Origin null is refused",
    expect="403",
    source=SECURITY,
    control="NET-02",
)
def opaque_origin(subject: Subject) -> str:
    reply = subject.client().request("tools/list", headers=[("Origin", "null")])
    return check(reply.status == 403, reply)


@FAMILY.probe(
    "absent-origin",
    "A request without an Origin passes",
    expect="200",
    source=SECURITY,
    control="NET-02",
    needs=(Need.ACCESS,),
)
def absent_origin(subject: Subject) -> str:
    reply = subject.client().request("tools/list")
    return check(reply.status == 200, reply)


@FAMILY.probe(
    "allowed-origin",
    "An allowed origin passes, and its page may read the answer",
    expect="200 with Access-Control-Allow-Origin for the allowed origin",
    source=FETCH,
    control="NET-02",
    needs=(Need.ACCESS, Need.PROCESS),
)
def allowed_origin(subject: Subject) -> str:
    reply = subject.client().request("tools/list", headers=[("Origin", ALLOWED_ORIGIN)])
    allowed = reply.headers.get("access-control-allow-origin")
    return check(reply.status == 200 and allowed == ALLOWED_ORIGIN, f"{reply}; allowed origin {allowed}")


@FAMILY.probe(
    "preflight",
    "The preflight of an allowed origin is answered without a token",
    expect="200 or 204 that allows POST with the Authorization header, for that origin",
    source=FETCH,
    control="NET-03",
    needs=(Need.PROCESS,),
)
def preflight(subject: Subject) -> str:
    reply = _preflight(subject, ALLOWED_ORIGIN)
    check(reply.status in (200, 204), reply)
    check(reply.headers.get("access-control-allow-origin") == ALLOWED_ORIGIN, "the origin is not allowed")
    allowed = reply.headers.get("access-control-allow-headers", "").lower()
    check("authorization" in allowed and "mcp-protocol-version" in allowed, f"allowed headers: {allowed}")
    return f"{reply.status}, authorization allowed"


@FAMILY.probe(
    "foreign-preflight",
    "The preflight of a foreign origin allows nothing",
    expect="no Access-Control-Allow-Origin",
    source=FETCH,
    control="NET-03",
)
def foreign_preflight(subject: Subject) -> str:
    reply = _preflight(subject, FOREIGN_ORIGIN)
    allowed = reply.headers.get("access-control-allow-origin")
    return check(allowed not in ("*", FOREIGN_ORIGIN), f"{reply.status}, allowed origin {allowed}")


@FAMILY.probe(
    "get",
    "GET on the endpoint opens no stream",
    expect="405",
    source=MCP_HTTP.section("Earlier Streamable HTTP Revisions", "earlier-streamable-http-revisions"),
    control="NET-04",
    core=True,
)
def get(subject: Subject) -> str:
    return _not_allowed(subject, "GET")


@FAMILY.probe(
    "delete",
    "DELETE on the endpoint ends no session",
    expect="405",
    source=MCP_HTTP.section("Earlier Streamable HTTP Revisions", "earlier-streamable-http-revisions"),
    control="NET-04",
    core=True,
)
def delete(subject: Subject) -> str:
    return _not_allowed(subject, "DELETE")


@FAMILY.probe(
    "health-any-host",
    "Health is told under any Host",
    expect="200 from /livez and /readyz to an address as Host",
    source=KUBERNETES_PROBES,
    control="OPS-02",
    needs=(Need.PROCESS,),
)
def health_any_host(subject: Subject) -> str:
    replies = [exchange(subject.address, "GET", path, headers=[("Host", "10.0.0.7:8000")]) for path in _HEALTH]
    return check(all(reply.status == 200 for reply in replies), " and ".join(str(reply.status) for reply in replies))


@FAMILY.probe(
    "health-foreign-origin",
    "Health is told to no foreign page",
    expect="403 from /livez and /readyz to a foreign Origin",
    source=SECURITY,
    control="NET-02",
    needs=(Need.PROCESS,),
)
def health_foreign_origin(subject: Subject) -> str:
    replies = [exchange(subject.address, "GET", path, headers=[("Origin", FOREIGN_ORIGIN)]) for path in _HEALTH]
    return check(all(reply.status == 403 for reply in replies), " and ".join(str(reply.status) for reply in replies))


_HEALTH = ("/livez", "/readyz")


def _preflight(subject: Subject, origin: str) -> Reply:
    asked = [
        ("Origin", origin),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "authorization, content-type, mcp-protocol-version"),
    ]
    return exchange(subject.address, "OPTIONS", headers=asked)


def _not_allowed(subject: Subject, method: str) -> str:
    token = subject.token()
    if subject.issuer is None and subject.asks_for_token and token is None:
        raise Skip("401 comes first: with a token it could be told")
    if subject.boot is None and subject.era is Era.LEGACY:
        raise Skip("a server of the older era alone may answer it")
    headers = [("Accept", "application/json, text/event-stream")]
    if token is not None:
        headers.append(("Authorization", f"Bearer {token}"))
    reply = exchange(subject.address, method, headers=headers)
    return check(reply.status == 405, reply)
