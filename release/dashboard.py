"""The Grafana dashboard of a rendered server: its panels as data, written as a template by Grafana's own library.

    python -m release.dashboard

writes `includes/dashboard.json.jinja`. What a panel needs, and what it says of itself, follows from the signals that
its queries name: `data/signals.yml` has both. `tests/release/test_dashboard.py` fails where the file is another.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Final, TypedDict

import yaml
from grafana_foundation_sdk.builders import common, prometheus, stat, timeseries
from grafana_foundation_sdk.builders import dashboard as grafana
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.dashboard import VariableOption, VariableRefresh

CHECKOUT = Path(__file__).parents[1]
WRITTEN = CHECKOUT / "includes/dashboard.json.jinja"
HEADER = "Managed by the template; updates merge into this file."
SLUG: Final = "@slug@"
SERVER = f'job="{SLUG}",instance=~"$instance"'
SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
PANEL_HEIGHT, STAT_HEIGHT = 8, 4
METRIC = re.compile(r"\b(?:mcp_server|process)_\w+")
SUFFIX = re.compile(r"_(?:bucket|count|sum)$")
ALWAYS = frozenset({"serves_http"})
"""What holds wherever a dashboard is rendered."""


class Signal(TypedDict, total=False):
    """What `data/signals.yml` says of a signal."""

    prometheus: str
    instrument: str
    labels: dict[str, list[str] | str]
    meaning: str
    looked_at_by: list[str]
    needs: str
    when: str


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel: legends with their queries, in which `$server` selects the series of this server."""

    title: str
    queries: Mapping[str, str]
    unit: str = "short"
    width: int = 8
    is_stat: bool = False


CALLS = "mcp_server_operation_duration_seconds_count"
BUCKETS = "mcp_server_operation_duration_seconds_bucket"
TOOL = 'gen_ai_tool_name!=""'


def rate(metric: str, by: str = "", labels: str = "") -> str:
    """How much a counter grows in a second, summed over all or by labels."""
    group = f" by ({by}) " if by else ""
    return f"sum{group}(rate({metric}{{$server{',' if labels else ''}{labels}}}[$__rate_interval]))"


def quantile(share: float, buckets: str, by: str = "", labels: str = "") -> str:
    """A percentile of a histogram, over all or by labels."""
    return f"histogram_quantile({share}, {rate(buckets, f'le, {by}' if by else 'le', labels)})"


def gauge(metric: str, by: str = "instance", labels: str = "") -> str:
    """The value of a gauge by labels, the highest where several have them."""
    return f"max by ({by}) ({metric}{{$server{',' if labels else ''}{labels}}})"


def limit(resource: str) -> str:
    """The limit of a resource, by instance."""
    return gauge("mcp_server_limit", labels=f'resource="{resource}"')


def objective(name: str) -> str:
    """A value of `objectives.yaml`, which all instances share."""
    return f'max(mcp_server_objective{{$server,name="{name}"}})'


def recorded(rule: str) -> str:
    """What a rule of `observability/rules.yaml` records of this server: the same as its alerts see."""
    return f'{rule}{{job="{SLUG}"}}'


def cost(window: str, by: str) -> str:
    """What the tokens of a window cost, in dollars."""
    counter = "mcp_server_tokens_estimated_total"
    parts = (f'sum by ({by}) (increase({counter}{{$server,direction="{way}"}}[{window}]))' for way in ("in", "out"))
    return " + ".join(f"{part} / 1e6 * $price_{way}" for part, way in zip(parts, ("in", "out"), strict=True))


WINDOWS = ("5m", "1h", "6h", "3d")
SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
ROWS: Mapping[str, tuple[Panel, ...]] = {
    "Service levels": (
        Panel(
            "Availability in three days",
            {"": f"1 - {recorded('mcp:failures:ratio3d')}"},
            "percentunit",
            4,
            is_stat=True,
        ),
        Panel(
            "Fast enough in three days",
            {"": f"1 - {recorded('mcp:slow_calls:ratio3d')}"},
            "percentunit",
            4,
            is_stat=True,
        ),
        Panel("Objectives", {"{{name}}": gauge("mcp_server_objective", "name")}, width=16, is_stat=True),
        Panel("Failing, the server to blame", {w: recorded(f"mcp:failures:ratio{w}") for w in WINDOWS}, "percentunit"),
        Panel("Burn of the availability budget", {w: recorded(f"mcp:availability:burn{w}") for w in WINDOWS}),
        Panel("Burn of the latency budget", {w: recorded(f"mcp:latency:burn{w}") for w in WINDOWS}),
    ),
    "Traffic": (
        Panel("Calls by tool", {"{{gen_ai_tool_name}}": rate(CALLS, "gen_ai_tool_name", TOOL)}, "reqps"),
        Panel("Requests by method", {"{{mcp_method_name}}": rate(CALLS, "mcp_method_name")}, "reqps"),
        Panel(
            "Calls slower than the objective",
            {"{{gen_ai_tool_name}}": rate("mcp_server_operation_slow_total", "gen_ai_tool_name")},
            "reqps",
        ),
        Panel(
            "Errors by tool",
            {
                "{{gen_ai_tool_name}}: {{error_type}}": rate(
                    CALLS, "gen_ai_tool_name, error_type", f'{TOOL},error_type!=""'
                )
            },
            "reqps",
        ),
        Panel(
            "Time of calls",
            {name: quantile(share, BUCKETS, labels=TOOL) for name, share in SHARES.items()}
            | {"objective": objective("latency_seconds")},
            "s",
        ),
        Panel(
            "Time of calls by tool, p95",
            {"{{gen_ai_tool_name}}": quantile(0.95, BUCKETS, "gen_ai_tool_name", TOOL)},
            "s",
        ),
    ),
    "Saturation": (
        Panel(
            "Requests in flight",
            {"{{instance}}": gauge("mcp_server_operation_in_flight"), "limit of {{instance}}": limit("calls")},
        ),
        Panel(
            "Subscriptions open",
            {"{{instance}}": gauge("mcp_server_subscriptions_open"), "limit of {{instance}}": limit("subscriptions")},
        ),
        Panel(
            "Sessions open",
            {"{{instance}}": gauge("mcp_server_sessions_open"), "limit of {{instance}}": limit("sessions")},
        ),
    ),
    "Security events": (
        Panel("Refusals by reason", {"{{reason}}": rate("mcp_server_refusals_total", "reason")}, "reqps"),
        Panel(
            "Denied calls by tool",
            {"{{gen_ai_tool_name}}: {{reason}}": rate("mcp_server_denials_total", "gen_ai_tool_name, reason")},
            "reqps",
        ),
        Panel(
            "Denied administrative calls, in ten minutes",
            {
                "denied": '(sum(increase(mcp_server_denials_total{$server,administrative="true"}[10m])) or vector(0))',
                "objective": objective("denied_administrative_calls"),
            },
        ),
        Panel(
            "Tokens not accepted, a minute",
            {
                "{{reason}}": f"60 * {rate('mcp_server_authentication_failures_total', 'reason')}",
                "objective": objective("authentication_failures_per_minute"),
            },
            width=24,
        ),
    ),
    "Tokens and cost, estimated": (
        Panel(
            "Tokens by tool, a minute",
            {
                "{{gen_ai_tool_name}} {{direction}}": "60 * "
                + rate("mcp_server_tokens_estimated_total", "gen_ai_tool_name, direction")
            },
        ),
        Panel("Dollars in this time", {"": cost("$__range", "job")}, "currencyUSD", 8, is_stat=True),
        Panel("Dollars an hour by tool", {"{{gen_ai_tool_name}}": cost("1h", "gen_ai_tool_name")}, "currencyUSD"),
        Panel(
            "Size of arguments by tool, p95",
            {"{{gen_ai_tool_name}}": quantile(0.95, "mcp_server_arguments_size_bytes_bucket", "gen_ai_tool_name")},
            "bytes",
            12,
        ),
        Panel(
            "Size of results by tool, p95",
            {"{{gen_ai_tool_name}}": quantile(0.95, "mcp_server_result_size_bytes_bucket", "gen_ai_tool_name")},
            "bytes",
            12,
        ),
    ),
    "Upstreams": (
        Panel(
            "Calls by host",
            {
                "{{server_address}}: {{outcome}}": rate(
                    "mcp_server_upstream_duration_seconds_count", "server_address, outcome"
                )
            },
            "reqps",
        ),
        Panel(
            "Time by host, p95",
            {"{{server_address}}": quantile(0.95, "mcp_server_upstream_duration_seconds_bucket", "server_address")},
            "s",
        ),
        Panel(
            "Retries and pauses by host",
            {
                "{{server_address}} retries a second": rate("mcp_server_upstream_retries_total", "server_address"),
                "{{server_address}} paused": gauge("mcp_server_upstream_paused", "server_address"),
            },
        ),
    ),
    "Issuer": (
        Panel("Issuer reachable", {"{{instance}}": gauge("mcp_server_issuer_reachable")}),
        Panel(
            "Age of its keys",
            {
                "{{instance}}": gauge("mcp_server_issuer_keys_age_seconds"),
                "objective": objective("keys_age_seconds"),
            },
            "s",
        ),
        Panel("Fetches of its keys", {"{{outcome}}": rate("mcp_server_issuer_fetches_total", "outcome")}, "reqps"),
    ),
    "Redis": (Panel("Redis reachable", {"{{instance}}": gauge("mcp_server_redis_reachable")}, width=24),),
    "Audit": (
        Panel("Audit events", {"{{outcome}}": rate("mcp_server_audit_events_total", "outcome")}, "ops", 12),
        Panel("Audit open", {"{{instance}}": gauge("mcp_server_audit_open")}, width=12),
    ),
    "Process": (
        Panel("Processor", {"{{instance}}": rate("process_cpu_time_seconds_total", "instance")}, "percentunit"),
        Panel(
            "Memory",
            {"{{instance}}": gauge("process_memory_usage_bytes"), "limit of {{instance}}": limit("memory")},
            "bytes",
        ),
        Panel(
            "Files and connections",
            {
                "{{instance}}": gauge("process_open_file_descriptor_count"),
                "limit of {{instance}}": limit("file_descriptors"),
            },
        ),
        Panel(
            "Delay of the event loop",
            {
                "{{instance}}": gauge("mcp_server_event_loop_lag_seconds"),
                "objective": objective("event_loop_lag_seconds"),
            },
            "s",
        ),
        Panel("Up for", {"{{instance}}": gauge("process_uptime_seconds")}, "s"),
        Panel(
            "Certificate still valid for", {"{{instance}}": gauge("mcp_server_tls_certificate_remaining_seconds")}, "s"
        ),
    ),
    "Build": (
        Panel("Replicas by version", {"{{version}}": "count by (version) (mcp_server_build_info{$server})"}, width=24),
    ),
}


def signals() -> dict[str, Signal]:
    """The signals by their names in Prometheus."""
    document = yaml.safe_load((CHECKOUT / "data/signals.yml").read_text(encoding="utf-8"))
    rows: list[Signal] = document["signals"]["default"]
    return {row["prometheus"]: row for row in rows}


def named_in(queries: Mapping[str, str], known: Mapping[str, Signal]) -> list[Signal]:
    """The signals that queries name, each once.

    Raises:
        KeyError: for a metric that is no signal.
    """
    names = dict.fromkeys(name for query in queries.values() for name in METRIC.findall(query))
    return [known[name] if name in known else known[SUFFIX.sub("", name)] for name in names]


def needs(panel: Panel, known: Mapping[str, Signal]) -> frozenset[str]:
    """The answers without which one of a panel's signals is not there."""
    return frozenset(row["needs"] for row in named_in(panel.queries, known) if "needs" in row) - ALWAYS


def describe(panel: Panel, known: Mapping[str, Signal]) -> str:
    """What a panel shows, in the words of its signals; and when their first series come."""
    rows = [row for row in named_in(panel.queries, known) if row["prometheus"] != "mcp_server_objective"]
    first = dict.fromkeys(f"Nothing is shown until {row['when']}." for row in rows if "when" in row)
    return " ".join([*(row["meaning"] for row in rows), *first]) or "What observability/rules.yaml records."


def build_panel(panel: Panel, known: Mapping[str, Signal]) -> stat.Panel | timeseries.Panel:
    """The panel as the library builds it."""
    latest = common.ReduceDataOptions().calcs(["lastNotNull"])
    made = stat.Panel().reduce_options(latest) if panel.is_stat else timeseries.Panel().min(0)
    made.title(panel.title).description(describe(panel, known)).datasource(SOURCE).unit(panel.unit)
    made.height(STAT_HEIGHT if panel.is_stat else PANEL_HEIGHT).span(panel.width)
    for letter, (legend, query) in zip("ABCDEFGH", panel.queries.items(), strict=False):
        expression = query.replace("$server", SERVER)
        target = prometheus.Dataquery().datasource(SOURCE).expr(expression).legend_format(legend).ref_id(letter)
        made.with_target(target.instant() if panel.is_stat else target.range())
    return made


def build(known: Mapping[str, Signal]) -> grafana.Dashboard:
    """The dashboard with every panel that any answers bring."""
    instances = f'label_values(mcp_server_build_info{{job="{SLUG}"}}, instance)'
    prices = {
        "price_in": ("15", "Dollars for a million tokens in: arguments, which the model writes"),
        "price_out": ("3", "Dollars for a million tokens out: results, which the model reads"),
    }
    board = grafana.Dashboard(SLUG).uid(SLUG).description(HEADER).tags(["mcp"]).editable()
    board.time("now-3h", "now").refresh("30s").timezone("browser")
    board.with_variable(grafana.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    board.with_variable(
        grafana.QueryVariable("instance")
        .label("Instance")
        .datasource(SOURCE)
        .query(instances)
        .definition(instances)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(multi=True)
        .include_all(include_all=True)
        .all_value(".*")
        .current(VariableOption(selected=True, text="All", value="$__all"))
    )
    for name, (dollars, label) in prices.items():
        chosen = VariableOption(selected=True, text=dollars, value=dollars)
        board.with_variable(grafana.TextBoxVariable(name).label(label).default_value(dollars).current(chosen))
    identifier = 0
    for title, panels in ROWS.items():
        identifier += 1
        board.with_row(grafana.Row(title).id(identifier))
        for panel in panels:
            identifier += 1
            board.with_panel(build_panel(panel, known).id(identifier))
    return board


def conditions(known: Mapping[str, Signal]) -> Iterator[frozenset[str]]:
    """What each row and panel needs, in their order; a row needs what all of its panels need."""
    for panels in ROWS.values():
        needed = [needs(panel, known) for panel in panels]
        yield frozenset.intersection(*needed)
        yield from needed


def render(known: Mapping[str, Signal]) -> str:
    """The dashboard as a template: JSON, with conditions around the panels that not all answers bring."""
    whole = json.loads(json.dumps(build(known).build(), cls=JSONEncoder))
    panels = list(zip(conditions(known), whole.pop("panels"), strict=True))
    start = json.dumps({"description": whole.pop("description"), **whole}, indent=2).removesuffix("\n}")
    parts = [f'{_escape(start)},\n  "panels": [\n']
    for needed, group in groupby(panels, key=itemgetter(0)):
        elements = "".join(f"{_element(panel)}{'' if panel is panels[-1][1] else ','}\n" for _, panel in group)
        parts.append(f"{{% if {' and '.join(sorted(needed))} %}}\n{elements}{{% endif %}}\n" if needed else elements)
    return "".join([*parts, "  ]\n}\n"])


def _element(panel: object) -> str:
    return "    " + _escape(json.dumps(panel, indent=2).replace("\n", "\n    "))


def _escape(text: str) -> str:
    """JSON as Jinja's text, with the slug as its value."""
    return text.replace("{{", "{{ '{{' }}").replace(SLUG, "{{ project_slug }}")


if __name__ == "__main__":
    WRITTEN.write_text(render(signals()), encoding="utf-8")
