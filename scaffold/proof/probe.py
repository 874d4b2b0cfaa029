"""What a probe is: one question to a server, the answer that it must give, and where that is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scaffold.proof.subject import Subject


class Deviation(Exception):  # noqa: N818 -- an outcome
    """The server did something else than the expectation; the text is what was seen."""

    log: str = ""
    """The last lines of a server that was started for this probe alone."""


class Skip(Exception):  # noqa: N818 -- an outcome
    """The question cannot be asked of this server; the text is the reason."""


class Need(Enum):
    """What a probe needs beyond the server itself; the value is the sentence when it is missing."""

    ENDPOINT = "the server is not reached over http"
    ACCESS = "needs a token that the server accepts"
    CHALLENGE = "the server asks for no token"
    ISSUER = "needs tokens made for the purpose: only the proof of a repository can sign them"
    PROCESS = "needs to start and stop the server: only the proof of a repository does"
    STDIO = "the server does not serve stdio"
    LOAD = "loads a server that is not on loopback: ask for it with --yes"


class Status(StrEnum):
    """How a probe ended."""

    FAILED = "failed"
    SKIPPED = "skipped"
    PASSED = "passed"


@dataclass(frozen=True)
class Source:
    """Where an expectation is written."""

    title: str
    url: str

    def section(self, title: str, fragment: str = "") -> Source:
        """A section of this source."""
        return Source(f"{self.title}, {title}", f"{self.url}#{fragment}" if fragment else self.url)


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


_SPECIFICATION = "https://modelcontextprotocol.io/specification/2026-07-28"
_TRACKER = "https://datatracker.ietf.org/doc/html"

MCP_BASE = Source("MCP 2026-07-28, Base protocol", f"{_SPECIFICATION}/basic/index")
MCP_HTTP = Source("MCP 2026-07-28, Streamable HTTP", f"{_SPECIFICATION}/basic/transports/streamable-http")
MCP_STDIO = Source("MCP 2026-07-28, stdio", f"{_SPECIFICATION}/basic/transports/stdio")
MCP_AUTHORIZATION = Source("MCP 2026-07-28, Authorization", f"{_SPECIFICATION}/basic/authorization")
MCP_DISCOVER = Source("MCP 2026-07-28, Discovery", f"{_SPECIFICATION}/server/discover")
MCP_TOOLS = Source("MCP 2026-07-28, Tools", f"{_SPECIFICATION}/server/tools")
MCP_LIFECYCLE_2025 = Source(
    "MCP 2025-11-25, Lifecycle", "https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle"
)
MCP_TRANSPORTS_2025 = Source(
    "MCP 2025-11-25, Transports", "https://modelcontextprotocol.io/specification/2025-11-25/basic/transports"
)
BEARER = Source("RFC 6750", f"{_TRACKER}/rfc6750")
HTTP = Source("RFC 9110", f"{_TRACKER}/rfc9110")
JWT_PRACTICE = Source("RFC 8725", f"{_TRACKER}/rfc8725")
JWT = Source("RFC 7519", f"{_TRACKER}/rfc7519")
ACCESS_TOKENS = Source("RFC 9068", f"{_TRACKER}/rfc9068")
RESOURCE_METADATA = Source("RFC 9728", f"{_TRACKER}/rfc9728")
STEP_UP = Source("RFC 9470", f"{_TRACKER}/rfc9470")
TOO_MANY = Source("RFC 6585", f"{_TRACKER}/rfc6585")
FETCH = Source("Fetch", "https://fetch.spec.whatwg.org/")
KUBERNETES_PROBES = Source(
    "Kubernetes, Liveness, Readiness, and Startup Probes",
    "https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/",
)
KUBERNETES_TERMINATION = Source(
    "Kubernetes, Pod Lifecycle",
    "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/",
)
