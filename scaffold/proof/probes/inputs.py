"""Is what does not fit refused, before it does anything?"""

# ruff: noqa: D103, PLR2004 -- a probe is documented by its title and expectation, which name the numbers

from __future__ import annotations

import json
from typing import Any

from scaffold.proof import samples
from scaffold.proof.needs import Need
from scaffold.proof.outcomes import Skip
from scaffold.proof.probe import Family, check
from scaffold.proof.sources import HTTP, MCP_BASE, MCP_HTTP, MCP_TOOLS
from scaffold.proof.subject import Subject
from scaffold.proof.wire import Era, Message, Reply, modern_headers, modern_params

FAMILY = Family("inputs", Need.ENDPOINT, Need.ACCESS)

HUGE_BYTES = 64 * 1024 * 1024
LARGE_BYTES = 6 * 1024 * 1024
DEPTH = 10_000
VALIDATION = MCP_HTTP.section("Server Validation", "server-validation")
MESSAGES = MCP_BASE.section("Messages", "messages")


@FAMILY.probe(
    "oversize",
    "A body that says it is huge is refused unread",
    expect="413",
    source=HTTP.section("section 15.5.14", "section-15.5.14"),
    control="IN-02",
    core=True,
)
def oversize(subject: Subject) -> str:
    reply = subject.client().post_bytes(b"{", [("Content-Length", str(HUGE_BYTES)), *_modern_list_headers()])
    return check(reply.status == 413, reply)


@FAMILY.probe(
    "oversize-chunked",
    "A large body that does not say its size is refused",
    expect="413",
    source=HTTP.section("section 15.5.14", "section-15.5.14"),
    control="IN-02",
    needs=(Need.LOAD,),
)
def oversize_chunked(subject: Subject) -> str:
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (LARGE_BYTES, b" " * LARGE_BYTES)
    reply = subject.client().post_bytes(body, [("Transfer-Encoding", "chunked"), *_modern_list_headers()])
    return check(reply.status == 413, reply)


@FAMILY.probe(
    "malformed",
    "A body that is no JSON is refused",
    expect="400",
    source=MESSAGES,
    control="IN-02",
)
def malformed(subject: Subject) -> str:
    reply = subject.client().post_bytes(b'{"jsonrpc": "2.0", "id": 1, "method": ', _modern_list_headers())
    return check(reply.status == 400, reply)


@FAMILY.probe(
    "deep",
    "A body nested ten thousand deep is refused",
    expect="400 or 413, and the server goes on",
    source=MCP_BASE.section("Composition-Keyword Resource Use", "composition-keyword-resource-use"),
    control="IN-02",
)
def deep(subject: Subject) -> str:
    body = b'{"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": ' + b"[" * DEPTH + b"]" * DEPTH + b"}"
    reply = subject.client().post_bytes(body, _modern_list_headers())
    check(reply.status in (400, 413), reply)
    after = subject.client().request("tools/list")
    return check(after.status == 200, str(reply) if after.status == 200 else f"{reply}, then {after}")


@FAMILY.probe(
    "batch",
    "A batch is refused",
    expect="400",
    source=MCP_HTTP.section("Sending Messages", "sending-messages"),
    control="IN-02",
)
def batch(subject: Subject) -> str:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": modern_params({})}
    reply = subject.client().post([message, message], _modern_list_headers())
    return check(reply.status == 400, reply)


@FAMILY.probe(
    "media-type",
    "A body of another media type is refused",
    expect="400 or 415",
    source=HTTP.section("section 15.5.16", "section-15.5.16"),
    control="IN-02",
)
def media_type(subject: Subject) -> str:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": modern_params({})}
    reply = subject.client().post(message, [("Content-Type", "text/plain"), *_modern_list_headers()])
    return check(reply.status in (400, 415), reply)


@FAMILY.probe(
    "unknown-argument",
    "An argument that a tool does not have is refused",
    expect="an error, not a result without it",
    source=MCP_TOOLS.section("Security Considerations", "security-considerations"),
    control="IN-01",
    core=True,
)
def unknown_argument(subject: Subject) -> str:
    tool, given = _working_call(subject)
    return _refused(subject.call(tool, {**given, samples.UNKNOWN_ARGUMENT: 1}), tool["name"])


@FAMILY.probe(
    "coerced-argument",
    "An argument of the wrong type is not mended",
    expect="an error, not a result",
    source=MCP_TOOLS.section("Security Considerations", "security-considerations"),
    control="IN-01",
    core=True,
)
def coerced_argument(subject: Subject) -> str:
    tool, given = _working_call(subject)
    wrong = samples.of_wrong_type(tool)
    if wrong is None:
        raise Skip(f"{tool['name']} has no argument that could be mended")
    name, value = wrong
    return _refused(subject.call(tool, {**given, name: value}), f"{tool['name']}, {name}={json.dumps(value)}")


@FAMILY.probe(
    "unknown-method",
    "An unknown method is told as such",
    expect="404 with -32601",
    source=MCP_HTTP.section("Protocol Version Header", "protocol-version-header"),
    control="IN-03",
)
def unknown_method(subject: Subject) -> str:
    reply = subject.client(Era.MODERN).request("no/such/method")
    return check(reply.status == 404 and reply.error_code == -32601, reply)


@FAMILY.probe(
    "method-mismatch",
    "A header that names another method is refused",
    expect="400 with -32020",
    source=VALIDATION,
    control="IN-04",
    core=True,
)
def method_mismatch(subject: Subject) -> str:
    headers = [("MCP-Protocol-Version", str(Era.MODERN)), ("Mcp-Method", "prompts/list")]
    return _mismatch(subject, {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": modern_params({})}, headers)


@FAMILY.probe(
    "name-mismatch",
    "A header that names another tool is refused",
    expect="400 with -32020",
    source=VALIDATION,
    control="IN-04",
)
def name_mismatch(subject: Subject) -> str:
    params = {"name": subject.sample.name, "arguments": {}}
    headers = modern_headers("tools/call", {"name": "another_tool"})
    _ = subject.sampled
    return _mismatch(
        subject, {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": modern_params(params)}, headers
    )


@FAMILY.probe(
    "version-mismatch",
    "A header that names another version than the body is refused",
    expect="400 with -32020",
    source=VALIDATION,
    control="IN-04",
)
def version_mismatch(subject: Subject) -> str:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": modern_params({}, "2026-01-01")}
    return _mismatch(subject, message, modern_headers("tools/list", {}))


@FAMILY.probe(
    "unsupported-version",
    "A version that does not exist is refused with those that do",
    expect="400 with -32022 and the supported versions",
    source=MCP_HTTP.section("Protocol Version Header", "protocol-version-header"),
    control="IN-04",
)
def unsupported_version(subject: Subject) -> str:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": modern_params({}, "2099-12-31")}
    reply = subject.client(Era.MODERN).post(message, modern_headers("tools/list", {}, "2099-12-31"))
    check(reply.status == 400 and reply.error_code == -32022, reply)
    supported = _error(reply).get("data", {}).get("supported", [])
    return check(Era.MODERN in supported, f"{reply}; supported {supported}")


@FAMILY.probe(
    "missing-meta",
    "A request without its _meta is refused",
    expect="400 with -32602",
    source=MCP_BASE.section("_meta"),
    control="IN-04",
)
def missing_meta(subject: Subject) -> str:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    reply = subject.client(Era.MODERN).post(message, modern_headers("tools/list", {}))
    return check(reply.status == 400 and reply.error_code == -32602, reply)


def _modern_list_headers() -> list[tuple[str, str]]:
    return modern_headers("tools/list", {})


def _mismatch(subject: Subject, message: Message, headers: list[tuple[str, str]]) -> str:
    reply = subject.client(Era.MODERN).post(message, headers)
    return check(reply.status == 400 and reply.error_code == -32020, reply)


def _working_call(subject: Subject) -> tuple[Message, dict[str, Any]]:
    """A call that works, so that the refusal of its variant says something."""
    if not subject.sampled.result or subject.sampled.result.get("isError"):
        raise Skip(f"{subject.sample.name} answers with an error as it is, so a refusal of its variant says nothing")
    return subject.sample.tool, dict(subject.sample.arguments)


def _refused(reply: Reply, what: str) -> str:
    refused = reply.error_code is not None or reply.result.get("isError") is True
    return check(refused and reply.status < 500, f"{what}: {reply}")


def _error(reply: Reply) -> Message:
    error = reply.message.get("error")
    return error if isinstance(error, dict) else {}
