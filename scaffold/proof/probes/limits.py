"""Does one caller leave room for the others?"""

# ruff: noqa: D103, PLR2004 -- a probe is documented by its title and expectation, which name the numbers

from __future__ import annotations

from collections.abc import Mapping

from scaffold.documents import JsonValue
from scaffold.proof import samples
from scaffold.proof.needs import Need
from scaffold.proof.outcomes import Deviation
from scaffold.proof.probe import Family, check
from scaffold.proof.sources import MCP_TOOLS, TOO_MANY
from scaffold.proof.subject import Subject

FAMILY = Family("limits", Need.ENDPOINT, Need.ACCESS)

FEW = 5
MANY = 300
REFUSED: Mapping[str, JsonValue] = {samples.UNKNOWN_ARGUMENT: 1}
"""Calls that count and do nothing: a tool that waits for another service would outlast the minute."""


@FAMILY.probe(
    "rate",
    "A caller who asks too often is told to wait",
    expect="429 with Retry-After after as many calls as the setting allows, while another caller is served",
    source=TOO_MANY.section("section 4", "section-4"),
    control="LIM-01",
    needs=(Need.PROCESS,),
)
def rate(subject: Subject) -> str:
    with subject.booted({"MCP_RATE_LIMIT": f"{FEW}/minute"}) as (limited, server):
        server.wait_until_ready()
        limited.principal = "prover-hasty"
        calls = _call_until_limited(limited, FEW + 1, REFUSED)
        check(calls == FEW + 1, f"429 after {calls - 1} calls, not after {FEW}")
        if limited.issuer is None:
            return f"429 with Retry-After after {FEW} calls"
        limited.principal = "prover-patient"
        other = limited.call(limited.sample.tool, REFUSED)
        return check(other.status == 200, f"429 with Retry-After after {FEW} calls; another caller: {other.status}")


@FAMILY.probe(
    "some-rate",
    "There is a limit to how often a caller may ask",
    expect=f"429 with Retry-After within {MANY} calls",
    source=MCP_TOOLS.section("Security Considerations", "security-considerations"),
    control="LIM-01",
    needs=(Need.LOAD,),
)
def some_rate(subject: Subject) -> str:
    return f"429 with Retry-After after {_call_until_limited(subject, MANY, subject.sample.arguments) - 1} calls"


def _call_until_limited(subject: Subject, most: int, arguments: Mapping[str, JsonValue]) -> int:
    """How many calls it took until the limit; raises `Deviation` when there was none, or no Retry-After."""
    tool = subject.sample.tool
    for count in range(1, most + 1):
        reply = subject.call(tool, arguments)
        if reply.status == 429:
            wait = reply.headers.get("retry-after", "")
            check(wait.isdecimal() and int(wait) > 0, f"429 with Retry-After {wait!r}")
            return count
    raise Deviation(f"no 429 within {most} calls")
