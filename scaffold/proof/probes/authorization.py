"""Does a token open what its scopes cover, and nothing more?"""

# ruff: noqa: D103, PLR2004 -- a probe is documented by its title and expectation, which name the numbers

from __future__ import annotations

from scaffold.proof import samples
from scaffold.proof.needs import Need
from scaffold.proof.outcomes import Deviation, Skip
from scaffold.proof.probe import Family, check
from scaffold.proof.sources import MCP_AUTHORIZATION, STEP_UP
from scaffold.proof.subject import Subject
from scaffold.proof.wire import Era, Message, Reply

FAMILY = Family("authorization", Need.ENDPOINT, Need.CHALLENGE, Need.ISSUER)

SCOPE_CHALLENGE = MCP_AUTHORIZATION.section("Scope Challenge Handling", "scope-challenge-handling")
ADMINISTRATIVE_SCOPE = "mcp:admin"


@FAMILY.probe(
    "missing-scope",
    "A token without the scope is told all scopes that it needs",
    expect="403 insufficient_scope with resource_metadata; with the challenged scopes the same call is let in",
    source=SCOPE_CHALLENGE,
    control="AUTHZ-02",
    core=True,
)
def missing_scope(subject: Subject) -> str:
    tool = _guarded_tool(subject)
    refused = _try(subject, tool, subject.token(scopes=()))
    challenge = refused.challenge
    check(challenge.get("error") == "insufficient_scope", f"403 with error={challenge.get('error')}")
    check("resource_metadata" in challenge, "403 without resource_metadata")
    scopes = challenge.get("scope", "").split()
    check(bool(scopes) or not subject.signer.shape.custom_scopes, "403 without scope")
    let_in = _try(subject, tool, subject.token(scopes=scopes or None))
    check(let_in.status not in (401, 403), f"{tool['name']}: still {let_in} with the challenged scopes")
    return f"{tool['name']}: 403, insufficient_scope; let in with {' '.join(scopes) or 'the role'}"


@FAMILY.probe(
    "missing-scope-2025",
    "The older era is guarded as the newer",
    expect="403 insufficient_scope for a call in the era of 2025-11-25, whatever its headers say",
    source=SCOPE_CHALLENGE,
    control="AUTHZ-02",
)
def missing_scope_legacy(subject: Subject) -> str:
    tool = _guarded_tool(subject)
    params = {"name": tool["name"], "arguments": {samples.UNKNOWN_ARGUMENT: 1}}
    client = subject.bare_client(subject.token(scopes=()), Era.LEGACY)
    reply = client.request("tools/call", params, headers=[("Mcp-Method", "tools/list"), ("Mcp-Name", "harmless")])
    return check(reply.status == 403 and reply.challenge.get("error") == "insufficient_scope", reply)


@FAMILY.probe(
    "second-factor",
    "Administrative scopes want a second factor",
    expect="401 insufficient_user_authentication without it, and with it the same call is let in",
    source=STEP_UP.section("section 3", "section-3"),
    control="AUTHZ-03",
)
def second_factor(subject: Subject) -> str:
    if subject.signer.shape.second_factor is None:
        raise Skip("this provider has no claim for it: enforced at the authorization server, which is not seen here")
    tool, scopes = _administrative_tool(subject)
    refused = _try(subject, tool, subject.token(scopes=scopes, second_factor=False))
    error = refused.challenge.get("error")
    check(refused.status == 401 and error == "insufficient_user_authentication", f"{tool['name']}: {refused}")
    let_in = _try(subject, tool, subject.token(scopes=scopes))
    check(let_in.status not in (401, 403), f"{tool['name']}: still {let_in} with a second factor")
    return f"{tool['name']}: 401, insufficient_user_authentication; let in with it"


@FAMILY.probe(
    "unknown-tool",
    "What no policy names is denied",
    expect="an error for a tool that does not exist, and no answer with its result",
    source=MCP_AUTHORIZATION.section("Error Handling", "error-handling"),
    control="AUTHZ-01",
)
def unknown_tool(subject: Subject) -> str:
    reply = _try(subject, {"name": "no_such_tool_here"}, subject.token())
    return check(reply.error_code is not None or reply.result.get("isError") is True, reply)


def _guarded_tool(subject: Subject) -> Message:
    """The first listed tool that a token without scopes cannot call."""
    if not subject.tools:
        raise Skip("the server lists no tools")
    for tool in subject.tools:
        if _try(subject, tool, subject.token(scopes=())).status == 403:
            return tool
    raise Deviation("a token without any scope is let in to every listed tool")


def _administrative_tool(subject: Subject) -> tuple[Message, set[str]]:
    """The first listed tool whose challenge asks for the administrative scope, and all that it asks for."""
    for tool in subject.tools:
        scopes = set(_try(subject, tool, subject.token(scopes=())).challenge.get("scope", "").split())
        if any(scope.endswith(ADMINISTRATIVE_SCOPE) for scope in scopes):
            return tool, scopes
    raise Skip(f"no listed tool asks for {ADMINISTRATIVE_SCOPE}")


def _try(subject: Subject, tool: Message, token: str | None) -> Reply:
    """Ask for a tool with an argument that it does not have: enough to see who is let in, and it does nothing."""
    params = {"name": tool["name"], "arguments": {samples.UNKNOWN_ARGUMENT: 1}}
    return subject.bare_client(token).request("tools/call", params)
