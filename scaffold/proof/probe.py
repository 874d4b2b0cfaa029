"""What a probe is: one question to a server, the answer that it must give, and where that is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from scaffold.proof.needs import Need
from scaffold.proof.outcomes import Deviation
from scaffold.proof.sources import Source
from scaffold.proof.subject import Subject


class Status(StrEnum):
    """How a probe ended."""

    FAILED = "failed"
    SKIPPED = "skipped"
    PASSED = "passed"


@dataclass(frozen=True)
class Probe:
    """One question, with everything that a reader of its result wants to know."""

    id: str
    title: str
    expectation: str
    source: Source
    control: str
    needs: frozenset[Need]
    core: bool
    ask: Callable[[Subject], str]


@dataclass(frozen=True)
class Result:
    """How one probe ended, with what was seen."""

    probe: Probe
    status: Status
    observation: str
    seconds: float = 0.0
    log: str = ""


class Family:
    """The probes of one subject, in the order in which they are asked."""

    def __init__(self, name: str, *needs: Need) -> None:
        """Name the family, and what each of its probes needs."""
        self.name = name
        self.needs = frozenset(needs)
        self.probes: list[Probe] = []

    def probe(  # noqa: PLR0913 -- a probe has that many facts
        self,
        name: str,
        title: str,
        *,
        expect: str,
        source: Source,
        control: str,
        needs: tuple[Need, ...] = (),
        core: bool = False,
    ) -> Callable[[Callable[[Subject], str]], Callable[[Subject], str]]:
        """Register a function that returns what it saw, raises `Deviation` with it, or raises `Skip`."""

        def register(ask: Callable[[Subject], str]) -> Callable[[Subject], str]:
            self.probes.append(
                Probe(f"{self.name}.{name}", title, expect, source, control, self.needs.union(needs), core, ask)
            )
            return ask

        return register


def check(holds: bool, seen: object) -> str:  # noqa: FBT001 -- an assertion
    """Return what was seen when the expectation holds; raises `Deviation` with it otherwise."""
    if not holds:
        raise Deviation(str(seen))
    return str(seen)
