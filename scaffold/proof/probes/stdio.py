"""Is standard output the protocol's alone, and the end of input the end?"""

# ruff: noqa: D103 -- a probe is documented by its title and expectation, which name the numbers

from __future__ import annotations

from scaffold.proof import samples
from scaffold.proof.needs import Need
from scaffold.proof.outcomes import Skip
from scaffold.proof.probe import Family, check
from scaffold.proof.sources import MCP_LIFECYCLE_2025, MCP_STDIO, MCP_TOOLS
from scaffold.proof.subject import Subject
from scaffold.proof.wire import Era

FAMILY = Family("stdio", Need.STDIO)


@FAMILY.probe(
    "discover",
    "server/discover over stdio",
    expect="a result with supportedVersions that hold 2026-07-28",
    source=MCP_STDIO,
    control="OPS-01",
    core=True,
)
def discover(subject: Subject) -> str:
    conversation = subject.conversation(Era.MODERN)
    supported = conversation.result("server/discover").get("supportedVersions", [])
    return check(Era.MODERN in supported, conversation.trouble or f"versions {', '.join(supported) or 'none'}")


@FAMILY.probe(
    "initialize",
    "initialize over stdio",
    expect="a result with protocolVersion 2025-11-25",
    source=MCP_LIFECYCLE_2025.section("Initialization", "initialization"),
    control="OPS-01",
    core=True,
)
def initialize(subject: Subject) -> str:
    conversation = subject.conversation(Era.LEGACY)
    version = conversation.result("initialize").get("protocolVersion")
    return check(version == Era.LEGACY, conversation.trouble or f"version {version}")


@FAMILY.probe(
    "list",
    "tools/list over stdio, in both eras",
    expect="the same tools in both",
    source=MCP_TOOLS.section("Listing Tools", "listing-tools"),
    control="OPS-01",
    core=True,
)
def list_tools(subject: Subject) -> str:
    names = []
    for era in Era:
        conversation = subject.conversation(era)
        tools = conversation.result("tools/list").get("tools")
        check(isinstance(tools, list), f"{era}: {conversation.trouble or 'no tools'}")
        names.append([tool.get("name") for tool in tools or []])
    return check(names[0] == names[1], f"{len(names[0])} tools" if names[0] == names[1] else f"{names[0]}, {names[1]}")


@FAMILY.probe(
    "call",
    "A listed tool can be called over stdio, in both eras",
    expect="a result; one that says that the tool failed shows that the call arrived",
    source=MCP_TOOLS.section("Calling Tools", "calling-tools"),
    control="OPS-01",
    core=True,
)
def call(subject: Subject) -> str:
    seen: list[str] = []
    for era in Era:
        conversation = subject.conversation(era)
        if conversation.sample is None:
            check(not conversation.trouble, f"{era}: {conversation.trouble}")
            raise Skip(samples.NONE_READS)
        result = conversation.result("tools/call")
        trouble = conversation.trouble or conversation.sample.trouble(result)
        check(not trouble, f"{era}: {conversation.sample.name}: {trouble}")
        seen.append(f"{conversation.sample.name}: {'tool error' if result.get('isError') else 'result'}")
    return f"{', '.join(dict.fromkeys(seen))} in both eras"


@FAMILY.probe(
    "clean",
    "Standard output carries the protocol and nothing else",
    expect="each line is one JSON-RPC message",
    source=MCP_STDIO,
    control="NET-05",
    core=True,
)
def clean(subject: Subject) -> str:
    stray = [line for era in Era for line in subject.conversation(era).stray_lines]
    return check(not stray, f"{len(stray)} stray lines, the first {stray[0][:80]!r}" if stray else "nothing else")


@FAMILY.probe(
    "ends",
    "The end of input is the end",
    expect="exit status 0 within 5 seconds of the end of input",
    source=MCP_STDIO.section("Shutdown", "shutdown"),
    control="OPS-04",
    core=True,
)
def ends(subject: Subject) -> str:
    codes = [subject.conversation(era).exit_status for era in Era]
    return check(codes == [0, 0], "exit status 0" if codes == [0, 0] else f"exit statuses {codes[0]} and {codes[1]}")
