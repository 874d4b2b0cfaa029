"""The specifications in which expectations are written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """Where an expectation is written."""

    title: str
    url: str

    def section(self, title: str, fragment: str = "") -> Source:
        """A section of this source."""
        return Source(f"{self.title}, {title}", f"{self.url}#{fragment}" if fragment else self.url)


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
