"""Does it install, start, tell how it is, and stop as an orchestrator expects?"""

# ruff: noqa: D103, PLR2004 -- a probe is documented by its title and expectation, which name the numbers

from __future__ import annotations

import json
import threading
from dataclasses import replace

from scaffold.proof import official
from scaffold.proof.needs import Need
from scaffold.proof.outcomes import Skip, WireError
from scaffold.proof.probe import Family, check
from scaffold.proof.servers import COLLECTOR_VARIABLE, GRACE_SECONDS
from scaffold.proof.sources import KUBERNETES_PROBES, KUBERNETES_TERMINATION, MCP_BASE, MCP_HTTP, Source
from scaffold.proof.subject import Subject
from scaffold.proof.wire import Reply, exchange
from scaffold.toolchain.processes import WINDOWS

STARTING = Family("lifecycle")
ENDING = Family("lifecycle")

LOCKING = Source("uv, Locking and syncing", "https://docs.astral.sh/uv/concepts/projects/sync/")
NOWHERE = "https://localhost:1"
ACKNOWLEDGED = b"notifications/subscriptions/acknowledged"
NO_SIGNAL = "there is no SIGTERM to send here"


@STARTING.probe(
    "installs",
    "The repository installs from its lock",
    expect="uv sync --locked installs it into an empty environment",
    source=LOCKING,
    control="SUP-01",
    core=True,
)
def installs(subject: Subject) -> str:
    return _start(subject, "install", "installed")


@STARTING.probe(
    "boots",
    "The server starts as in production",
    expect="/readyz answers 200 with production settings, and with an issuer over https",
    source=KUBERNETES_PROBES,
    control="OPS-02",
    core=True,
)
def boots(subject: Subject) -> str:
    return _start(subject, "production", "ready")


@ENDING.probe(
    "development",
    "The server starts in development mode",
    expect="/readyz answers 200 on loopback without any setting of the public address, and tools are listed",
    source=MCP_HTTP.section("Security & Endpoint"),
    control="OPS-02",
    core=True,
)
def development(subject: Subject) -> str:
    if subject.development is None:
        raise Skip(subject.lacking.get(Need.ENDPOINT, Need.PROCESS.value))
    reply = subject.development().client().request("tools/list")
    return check(reply.status == 200, f"ready; tools/list: {reply}")


@ENDING.probe(
    "official-client",
    "The official client gets along with the server",
    expect="the SDK's own client lists the tools in both eras",
    source=MCP_HTTP,
    control="OPS-01",
    needs=(Need.PROCESS, Need.ENDPOINT),
)
def official_client(subject: Subject) -> str:
    if subject.development is None or subject.run_python is None:
        raise Skip(Need.PROCESS.value)
    development = subject.development()
    run = subject.run_python(official.SCRIPT, official.settings(development.address.url, development.token()))
    check(run.status == 0, run.last_word or f"exit status {run.status}")
    listed = json.loads(run.output)
    names = [tool["name"] for tool in subject.tools]
    agreed = listed == {"legacy": names, "auto": names}
    return check(agreed, f"{len(names)} tools in both eras" if agreed else run.output.strip())


@ENDING.probe(
    "live",
    "Liveness is told",
    expect="200 from /livez",
    source=KUBERNETES_PROBES,
    control="OPS-02",
    needs=(
        Need.PROCESS,
        Need.ENDPOINT,
    ),
)
def live(subject: Subject) -> str:
    reply = exchange(subject.address, "GET", "/livez")
    return check(reply.status == 200, reply)


@ENDING.probe(
    "issuer-down",
    "Without its issuer the server lives and is not ready",
    expect="200 from /livez, 503 from /readyz, and no request let in",
    source=KUBERNETES_PROBES,
    control="OPS-03",
    needs=(Need.PROCESS, Need.ENDPOINT, Need.ISSUER),
)
def issuer_down(subject: Subject) -> str:
    with subject.booted({"MCP_AUTH_ISSUER": NOWHERE}) as (orphaned, server):
        ready = server.wait_for_readiness(503)
        check(ready == 503, f"/readyz: {ready}")
        alive = exchange(orphaned.address, "GET", "/livez").status
        check(alive == 200, f"/livez: {alive}")
        reply = orphaned.bare_client(subject.token({"iss": NOWHERE})).request("tools/list")
        return check(reply.status in (401, 503), f"/livez 200, /readyz 503, a request {reply.status}")


@ENDING.probe(
    "store-down",
    "Without its store the server lives and is not ready",
    expect="200 from /livez, 503 from /readyz",
    source=KUBERNETES_PROBES,
    control="OPS-06",
    needs=(Need.PROCESS, Need.ENDPOINT),
)
def store_down(subject: Subject) -> str:
    if not subject.shares_state:
        raise Skip("the server shares no state")
    with subject.booted({"MCP_REDIS_URL": "redis://127.0.0.1:1/0"}) as (orphaned, server):
        ready = server.wait_for_readiness(503)
        check(ready == 503, f"/readyz: {ready}")
        alive = exchange(orphaned.address, "GET", "/livez").status
        return check(alive == 200, f"/livez {alive}, /readyz 503")


@ENDING.probe(
    "collector-down",
    "Without its collector the server serves and stops all the same",
    expect=f"200 from /readyz, and exit status 0 within {GRACE_SECONDS} seconds of SIGTERM",
    source=KUBERNETES_TERMINATION,
    control="OPS-04",
    needs=(Need.PROCESS, Need.ENDPOINT),
)
def collector_down(subject: Subject) -> str:
    if not subject.exports_telemetry:
        raise Skip("the server sends no telemetry")
    if WINDOWS:
        raise Skip(NO_SIGNAL)
    with subject.booted({COLLECTOR_VARIABLE: "http://127.0.0.1:1"}) as (lonely, server):
        server.wait_until_ready()
        lonely.client().request("tools/list")
        code = server.terminate(GRACE_SECONDS)
        return check(code == 0, "ready, then exit status 0" if code == 0 else f"ready, then exit status {code}")


@ENDING.probe(
    "no-session",
    "No session is made",
    expect="no Mcp-Session-Id in any answer to initialize",
    source=MCP_BASE.section("Statelessness", "statelessness"),
    control="OPS-01",
    needs=(Need.PROCESS, Need.ENDPOINT, Need.ACCESS),
)
def no_session(subject: Subject) -> str:
    return check(subject.session is None, "a session" if subject.session else "no session")


@ENDING.probe(
    "drains-streams",
    "An open stream is ended, not cut, when the server is told to stop",
    expect=f"the stream of subscriptions/listen ends with its result; exit status 0 within {GRACE_SECONDS} seconds",
    source=MCP_HTTP.section("Receiving Messages", "receiving-messages"),
    control="OPS-04",
    needs=(Need.PROCESS, Need.ENDPOINT, Need.ACCESS),
)
def drains_streams(subject: Subject) -> str:
    if WINDOWS:
        raise Skip(NO_SIGNAL)
    with subject.booted({}) as (draining, server):
        server.wait_until_ready()
        listener = _Listener(draining)
        if not listener.is_open():
            raise Skip(f"subscriptions/listen opens no stream: {listener.outcome}")
        code = server.terminate(GRACE_SECONDS)
        check(code == 0, f"exit status {code}, {'in' if code is not None else 'not in'} time")
        listener.join()
        ended = isinstance(listener.outcome, Reply) and bool(listener.outcome.result)
        return check(
            ended, "ended with its result, exit status 0" if ended else f"the stream was cut: {listener.outcome}"
        )


@ENDING.probe(
    "stops",
    "SIGTERM ends the server in order",
    expect=f"exit status 0 within the grace period of {GRACE_SECONDS} seconds",
    source=KUBERNETES_TERMINATION,
    control="OPS-04",
    needs=(
        Need.PROCESS,
        Need.ENDPOINT,
    ),
    core=True,
)
def stops(subject: Subject) -> str:
    if subject.server is None or WINDOWS:
        raise Skip(NO_SIGNAL)
    early = subject.server.process.poll()
    check(early is None, f"it had ended before, with status {early}")
    code = subject.server.terminate(GRACE_SECONDS)
    return check(
        code == 0, "exit status 0" if code == 0 else f"exit status {code}" if code is not None else "it went on"
    )


class _Listener(threading.Thread):
    """Holds a subscription's stream open and keeps how it ended."""

    def __init__(self, subject: Subject) -> None:
        super().__init__(daemon=True)
        self.outcome: Reply | str = "nothing yet"
        self._heard = b""
        self._is_settled = threading.Event()
        client = subject.client()
        self._client = replace(client, endpoint=replace(client.endpoint, hear=self._hear, patience=2 * GRACE_SECONDS))
        self.start()

    def run(self) -> None:
        try:
            params = {"notifications": {"toolsListChanged": True}}
            self.outcome = self._client.request("subscriptions/listen", params)
        except WireError as error:
            self.outcome = str(error)
        self._is_settled.set()

    def _hear(self, part: bytes) -> None:
        self._heard += part
        if ACKNOWLEDGED in self._heard:
            self._is_settled.set()

    def is_open(self) -> bool:
        """Whether the subscription was acknowledged, once it was or the stream has ended."""
        self._is_settled.wait()
        return ACKNOWLEDGED in self._heard


def _start(subject: Subject, what: str, well: str) -> str:
    if what not in subject.starts:
        raise Skip(subject.lacking.get(Need.ENDPOINT, Need.PROCESS.value))
    failure = subject.starts[what]
    if failure is not None:
        raise failure
    return well
