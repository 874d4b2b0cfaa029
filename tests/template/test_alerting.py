"""A rendered server fails in each way, and Prometheus and Alertmanager, the real ones, say so to who is on call.

Real are the programs, the server, its metrics, and the expressions and windows of the rules. Quickened are how often a
rule is evaluated, how long it waits (`for`), and how long Alertmanager gathers and escalates.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from statistics import median
from threading import Thread

import pytest

from scaffold.endpoint import Endpoint
from scaffold.proof.issuer import Authority, Issuer, TokenShape, running_issuer
from scaffold.proof.servers import production_settings
from scaffold.proof.store import running_store
from scaffold.proof.wire import Client
from scaffold.rendered.repository import RenderedRepository
from scaffold.toolchain.installation import install
from tests.servers.started import free_port, render_locked, started
from tests.support.collector import running_collector
from tests.support.deployments import find_tool
from tests.support.faulty_server import make_faulty
from tests.support.watching import Watch, run_jq, wait_for, watching
from tests.template.test_rules import alerts, blocks, pages, rules, selectors

pytestmark = [
    *(pytest.mark.network, pytest.mark.slow, pytest.mark.xdist_group("alerting")),
    pytest.mark.skipif(sys.platform == "win32", reason="Debian's programs"),
]
ANSWERS = (
    *("transport=http", "auth_provider=oidc", "auth_issuer=https://id.example.com", "deployment=none"),
    *("replica_state=redis", "telemetry=both"),
)
NOT_HERE = {
    "mcp_server_tls_certificate_remaining_seconds": "the server ends no TLS",
    'mcp_server_limit{job="notes-server",resource="memory"}': "this process has no limit",
    'mcp_server_limit{job="notes-server",resource="sessions"}': "there are no sessions by default",
}
"""Series whose `when` does not hold in this server."""
NOT_HERE_ALONE = (*(name for name in NOT_HERE if "{" not in name), 'resource="memory"', 'resource="sessions"')
VARIABLES = {"$__rate_interval": "5s", "$__range": "5m", "$instance": ".*", "$price_in": "15", "$price_out": "3"}
AT_ONCE = {
    "McpAvailabilityBurnFast",
    "McpLatencyBurnFast",
    "McpAuthenticationFailures",
    "McpDeniedAdministrativeCalls",
    "McpUpstreamFailing",
    "McpEventLoopLag",
    "McpSaturation",
    "McpIssuerKeysStale",
}


@dataclass(frozen=True)
class Watched:
    """The server that fails, who may call it, who watches it, and what can be taken from it."""

    repository: Path
    log: Path
    client: Client
    issuer: Issuer
    watch: Watch
    outages: dict[str, ExitStack]
    command: list[str]
    settings: dict[str, str]

    def call(self, tool: str, token: str | None = None, **arguments: str) -> int:
        """The status of a tool's call."""
        client = replace(self.client, token=token or self.client.token)
        return client.request("tools/call", {"name": tool, "arguments": arguments}).status


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    for program in ("prometheus", "prometheus-alertmanager", "jq"):
        find_tool(program)
    folder = tmp_path_factory.mktemp("alerting")
    path = render_locked(folder / "repository", "project_name=Notes Server", *ANSWERS)
    make_faulty(path)
    installation = install(RenderedRepository(path), folder)
    repository, authority = installation.repository, Authority(folder)
    port, metrics_port = free_port(), free_port()
    with ExitStack() as stack:
        outages = {name: stack.enter_context(ExitStack()) for name in ("server", "issuer", "redis")}
        issuer = outages["issuer"].enter_context(
            running_issuer(authority, repository.issuer_path, repository.audience, TokenShape())
        )
        settings = production_settings(repository) | {
            "MCP_AUTH_ISSUER": issuer.url,
            "MCP_EGRESS_PRIVATE_HOSTS": "127.0.0.1",
            "MCP_MAX_CONCURRENT_CALLS": "10",
            "MCP_METRICS_PORT": str(metrics_port),
            "MCP_PORT": str(port),
            "MCP_RATE_LIMIT": "1000/minute",
            "MCP_REDIS_URL": outages["redis"].enter_context(running_store(installation)),
            "MCP_TOOL_TIMEOUT_SECONDS": "3",
            "SSL_CERT_FILE": str(authority.certificate_file),
        }
        watch = stack.enter_context(
            watching(path / "observability", repository.slug, f"127.0.0.1:{metrics_port}", folder)
        )
        command = [str(installation.executable(repository.slug)), "--transport", "http"]
        log = folder / "server.log"
        outages["server"].enter_context(started(command, f"http://127.0.0.1:{port}/readyz", log, settings))
        endpoint = replace(Endpoint.at(f"http://127.0.0.1:{port}/mcp"), host=repository.public_host)
        client = Client(endpoint, token=issuer.sign(issuer.claims("alice", ["mcp:read"])))
        yield Watched(path, log, client, issuer, watch, outages, command, settings)


@contextmanager
def failing_upstream() -> Iterator[str]:
    """Answers 500 to everything."""

    class Fails(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_error(500)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Fails)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def fail_in_each_way(watched: Watched, upstream: str) -> None:
    """Traffic with failures of each kind, over some scrapes: a rate needs two samples."""
    claims = watched.issuer.claims("mallory", ["mcp:read"])
    forged, half = (
        watched.issuer.sign_as_stranger(claims),
        watched.issuer.sign(watched.issuer.claims("alice", ["mcp:admin"], second_factor=False)),
    )
    with ThreadPoolExecutor(max_workers=14) as pool:  # ten may be at once
        list(pool.map(watched.call, ["hang"] * 14))
    for _ in range(4):
        for tool in ("crash", "crash", "linger", "linger", "refuse", "list_notes", "unknown"):
            watched.call(tool)
        for _ in range(4):
            watched.call("ask", url=upstream)
        watched.call("block")
        for token in (forged, half, half, None):
            watched.call("purge_notes", token)
        for _ in range(4):
            watched.call("list_notes", forged)


@pytest.fixture(scope="module")
def failed(watched: Watched) -> Watched:
    """The same after traffic with failures of each kind."""
    with failing_upstream() as upstream:
        fail_in_each_way(watched, upstream)
        wait_for(lambda: watched.watch.raised() >= AT_ONCE, 30)
    return watched


def test_each_kind_of_failure_raises_its_alert(failed: Watched) -> None:
    assert AT_ONCE - failed.watch.raised() == set()


def test_every_series_that_a_rule_reads_is_there_with_its_labels(failed: Watched) -> None:
    read = {
        match.group()
        for rule in rules(failed.repository)
        for match in re.finditer(r"\b(?:mcp_server|process)_\w+\{[^}]*\}", rule["expr"])
    }
    missing = {
        selector
        for selector in read
        if not failed.watch.series(selector) and selector not in NOT_HERE and selector.partition("{")[0] not in NOT_HERE
    }
    assert missing == set()
    labels = {label for series in failed.watch.series('{__name__=~"mcp_server_.*"}') for label in series}
    assert {"gen_ai_tool_name", "server_address", "resource", "outcome", "reason", "administrative"} <= labels


def test_what_callers_do_wrong_burns_no_budget(failed: Watched) -> None:
    burning = (
        'sum(increase(mcp_server_operation_duration_seconds_count{error_type=~"-32603|504"}[1h])'
        ' or increase(mcp_server_refusals_total{reason="busy"}[1h]))'
    )
    # The record is a second older than the query, and both still grow a little as the window fills.
    agree = f"abs(sum(mcp:failures:increase1h) - {burning}) < 1"
    assert wait_for(lambda: failed.watch.query(agree), 20), failed.watch.query(burning)
    assert failed.watch.series(
        'mcp_server_operation_duration_seconds_count{error_type="tool_error",gen_ai_tool_name="refuse"}'
    )
    assert not failed.watch.series(
        'mcp_server_operation_duration_seconds_count{error_type="tool_error",gen_ai_tool_name="crash"}'
    )


def test_pages_and_tickets_reach_their_receivers_and_a_page_escalates(failed: Watched) -> None:
    told = failed.watch.told
    assert wait_for(lambda: told.has("page", "McpDeniedAdministrativeCalls"), 10)
    assert wait_for(lambda: told.has("ticket", "McpUpstreamFailing"), 10)
    assert wait_for(lambda: told.has("escalation", "McpDeniedAdministrativeCalls"), 15)
    assert not told.has("page", "McpUpstreamFailing")
    [page, *_] = [text for text in told.by["page"] if "McpDeniedAdministrativeCalls" in text]
    assert "runbooks/mcp-denied-administrative-calls.md" in page


def test_what_a_runbook_and_an_incident_ask_of_the_log_is_answered(failed: Watched) -> None:
    answered = set()
    for stem, text in pages(failed.repository).items():
        for block in blocks(text, "console"):
            filters = re.findall(r"^jq (?:.*\\\n|.*\|\n)*.*$", block, re.MULTILINE)
            for line in filters:
                asked = line.replace("SUBJECT", "alice").replace("TOOL", "list_notes")
                if run_jq(asked, failed.log):
                    answered.add(stem)
    assert {"incident", "mcp-authentication-failures", "mcp-denied-administrative-calls"} <= answered
    assert {"mcp-availability-burn-fast", "mcp-latency-burn-fast", "mcp-token-cost-anomaly"} <= answered


def test_every_panel_of_the_dashboard_shows_something(failed: Watched) -> None:
    [file] = (failed.repository / "observability/dashboards").glob("*.json")
    panels = [panel for panel in json.loads(file.read_text())["panels"] if panel["type"] != "row"]
    queries = {target["expr"] for panel in panels for target in panel["targets"]}
    shown = partial(shows_something, failed.watch)
    empty = {query for query in queries if not wait_for(partial(shown, query), 5)}
    assert {query for query in empty if not any(series in query for series in NOT_HERE_ALONE)} == set()
    assert len(queries) > 40


def shows_something(watch: Watch, query: str) -> bool:
    """Whether a panel's query gives data, with values for its variables."""
    return bool(watch.query(re.sub(r"\$\w+", lambda variable: VARIABLES[variable[0]], query)))


def test_a_developer_sees_calls_as_they_happen_and_why_one_is_refused(failed: Watched, tmp_path: Path) -> None:
    port, audit = free_port(), tmp_path / "audit.jsonl"
    observed = {"MCP_ENVIRONMENT": "development", "MCP_AUDIT_FILE": str(audit)}
    own = {"MCP_PORT": str(port), "MCP_METRICS_PORT": str(free_port())}
    client = replace(failed.client, endpoint=replace(failed.client.endpoint, port=port))
    observe = [sys.executable, str(failed.repository / "tests/observe.py"), "--json", "--seconds", "60"]
    ready = f"http://127.0.0.1:{port}/readyz"
    with ExitStack() as stack:
        stack.enter_context(started(failed.command, ready, tmp_path / "log", failed.settings | observed | own))
        shown = stack.enter_context(subprocess.Popen(observe, env=observed, stdout=subprocess.PIPE))
        for token in (client.token, None):
            replace(client, token=token).request("tools/call", {"name": "list_notes", "arguments": {"limit": 5}})
        calls = [json.loads(line) for line in islice(shown.stdout or (), 2)]
        shown.kill()
    assert [(call["outcome"], call["reason"]) for call in calls] == [("allowed", None), ("refused", "no_token")]
    [call, _] = calls
    assert (call["tool"], call["who"], call["estimated_tokens_in"]) == ("list_notes", "alice", 3)
    assert call["duration_ms"] > 0
    assert call["estimated_tokens_out"] > 1


@contextmanager
def another(watched: Watched, folder: Path, **settings: str) -> Iterator[tuple[Client, str]]:
    """A further server with settings of its own: a client of it, and where its metrics are."""
    ports = {"MCP_PORT": str(free_port()), "MCP_METRICS_PORT": str(free_port())}
    ready, log = f"http://127.0.0.1:{ports['MCP_PORT']}/readyz", folder / f"{ports['MCP_PORT']}.log"
    with started(watched.command, ready, log, watched.settings | ports | {"MCP_RATE_LIMIT": "1000000/hour"} | settings):
        endpoint = replace(watched.client.endpoint, port=int(ports["MCP_PORT"]))
        yield replace(watched.client, endpoint=endpoint), f"http://127.0.0.1:{ports['MCP_METRICS_PORT']}/metrics"


def samples_of(metrics: str) -> dict[str, float]:
    """The samples that are there now, by name and labels."""
    with urllib.request.urlopen(metrics, timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


@pytest.mark.parametrize(
    "principals, names", [(60, 20), pytest.param(10_000, 500, marks=pytest.mark.alerting)], ids=["few", "many"]
)
def test_no_caller_adds_a_series(failed: Watched, tmp_path: Path, principals: int, names: int) -> None:
    with another(failed, tmp_path) as (client, metrics):

        def call(principal: int, tool: str) -> None:
            token = failed.issuer.sign(failed.issuer.claims(f"caller {principal}", ["mcp:read"]))
            replace(client, token=token).request("tools/call", {"name": tool, "arguments": {}})

        for tool in ("list_notes", "unknown"):
            call(0, tool)
        before = samples_of(metrics).keys()
        for number in range(principals):
            call(number, "list_notes")
        for number in range(names):
            call(number, f"unknown-{number}")
        after = samples_of(metrics).keys()
    assert "mcp_server_tokens_estimated_total" in " ".join(before)
    assert after - before == set()


def memory_of(metrics: str) -> float:
    """How many bytes the server holds."""
    [held] = (value for name, value in samples_of(metrics).items() if name.startswith("process_memory_usage_bytes"))
    return held


def test_a_collector_gets_spans_under_the_parent_that_a_caller_names_and_metrics(
    failed: Watched, tmp_path: Path
) -> None:
    trace, caller = "ab" * 16, "cd" * 8
    quick = {"OTEL_BSP_SCHEDULE_DELAY": "100", "OTEL_METRIC_EXPORT_INTERVAL": "200"}
    with running_collector() as (url, got):
        with another(failed, tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=url, **quick) as (client, _):
            traced = [("traceparent", f"00-{trace}-{caller}-01")]
            client.request("tools/call", {"name": "list_notes", "arguments": {}}, headers=traced)
            assert wait_for(lambda: "mcp.server.operation.duration" in got.metrics, 20)
        spans = {span.span_id.hex(): span for span in got.spans if span.trace_id.hex() == trace}
    assert "tools/call list_notes" in {span.name for span in spans.values()}
    parents = [span.parent_span_id.hex() for span in spans.values()]
    assert parents.count(caller) == 1
    assert set(parents) - {caller} <= spans.keys()
    assert got.resource["service.name"] == "notes-server"
    assert got.resource["deployment.environment.name"] == "production"


@pytest.mark.parametrize("calls", [200, pytest.param(12_000, marks=pytest.mark.alerting)], ids=["few", "many"])
def test_a_collector_that_hangs_costs_calls_nothing_and_takes_no_memory(
    failed: Watched, tmp_path: Path, calls: int
) -> None:
    with ExitStack() as stack:
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        collector = f"http://127.0.0.1:{silent.getsockname()[1]}"
        hung, metrics = stack.enter_context(
            another(failed, tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=collector, OTEL_TRACES_SAMPLER="always_on")
        )
        alone, _ = stack.enter_context(another(failed, tmp_path, OTEL_SDK_DISABLED="true"))

        def seconds_with(client: Client) -> float:
            began = time.monotonic()
            assert client.request("tools/call", {"name": "list_notes", "arguments": {}}).result
            return time.monotonic() - began

        def is_as_quick() -> bool:
            both = [(seconds_with(hung), seconds_with(alone)) for _ in range(100)]
            return median(one for one, _ in both) < 1.5 * median(other for _, other in both)

        assert wait_for(is_as_quick, 60)
        assert silent.accept(), "spans are on their way to it"
        for _ in range(calls):
            seconds_with(hung)
        held = memory_of(metrics)
        for _ in range(calls):
            seconds_with(hung)
        # A span takes two kilobytes: of as many calls nothing more is kept.
        assert memory_of(metrics) - held < max(calls * 500, 4_000_000)


def test_nothing_is_shown_of_production(failed: Watched) -> None:
    observe = [sys.executable, str(failed.repository / "tests/observe.py")]
    ran = subprocess.run(observe, env={"MCP_AUDIT_FILE": str(failed.log)}, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (2, "")


def test_a_dead_issuer_is_told_in_time_and_silences_what_follows_from_it(failed: Watched) -> None:
    failed.outages["issuer"].close()
    failed.outages["redis"].close()
    began = time.monotonic()
    assert wait_for(lambda: failed.watch.states().get("McpRedisUnreachable"), 30)
    assert wait_for(lambda: failed.watch.states().get("McpIssuerUnreachable") == "firing", 60)
    gauge_and_scrape = time.monotonic() - began
    [waits] = [rule["for"] for alert, rule in alerts(failed.repository).items() if alert == "McpIssuerUnreachable"]
    # As operated: a scrape and an evaluation every 15 seconds; after `for` the next evaluation fires.
    assert gauge_and_scrape + 15 + 15 + int(waits.removesuffix("s")) + 15 < 150
    silenced = wait_for(lambda: {"McpAuthenticationFailures", "McpAvailabilityBurnFast"} & failed.watch.silenced(), 10)
    assert silenced
    assert wait_for(lambda: failed.watch.told.has("page", "McpIssuerUnreachable"), 10)


def test_a_dead_server_is_told_and_silences_everything_else(failed: Watched) -> None:
    failed.outages["server"].close()
    assert wait_for(lambda: failed.watch.told.has("page", "McpNoData"), 30)
    assert wait_for(lambda: "McpLatencyBurnFast" in failed.watch.silenced(), 10)


def test_the_selectors_of_rules_were_found(failed: Watched) -> None:
    assert sum(1 for rule in rules(failed.repository) for _ in selectors(rule["expr"])) > 100
