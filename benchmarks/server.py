"""A rendered server with everything on beside others: uv run python benchmarks/server.py [--help].

Tokens, policy, limits, audit, metrics and the traces of a tenth of all calls are on in ours; "all traced" has the
traces of all of them, and "silent" was rendered without telemetry. The bare SDK has nothing on; "SDK, httptools" is the
same beside the libraries of ours, and "SDK, JSON" its fastest: there it answers in JSON, which it otherwise does not in
the older era. fastmcp has its verifier of tokens and its rate limiter; create-mcp is what that scaffolder renders with
its OAuth, and speaks the older era alone.
Each adds two numbers. CPU is what the server's process used in its turns.
"""

from __future__ import annotations

import argparse
import statistics
import textwrap
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

from load import send_calls
from paired import Goal, conclude, conditions, ratio_of_pairs
from servers import ALL_TRACED, Server, Subject, Workshop, bare_sdk, open_workshop, version_in

from scaffold.proof.wire import Era

FASTEST = "SDK, JSON"
MOST_CPU_OF = {FASTEST: 1.35, "bare SDK": 1.35, "fastmcp": 1.0, "create-mcp": 1.0, "silent": 1.10}
MOST_START_OF_BARE = 1.5
MOST_MEGABYTES = 110
SETTLE_SECONDS = 0.7
SIZES = ("lives", "rounds", "calls", "connections", "principals", "starts")
PREFACE = """\
Of {date}, by `uv run python benchmarks/server.py --write docs/servers.md`. Every server runs on loopback, in an
environment of its own, and adds two numbers for callers whose tokens a local issuer signed. They take turns in one
run, so that whatever else the machine does falls on all, and start anew several times, as one process may be
quicker than the next by a tenth; ratios are medians of what was measured in the same turn. The rendered server has
everything on: tokens, policy, limits, audit, metrics and the traces of a tenth of all calls, in "all traced" of all
of them; "silent" was rendered without telemetry. The bare SDK has nothing on, and parses HTTP in Python, as it
comes; "SDK, httptools" is the same in the rendered server's environment, whose uvicorn finds a quicker parser, and
"SDK, JSON" is the fastest: there it answers in JSON alone, and so can neither tell of progress nor notice that a
client went away. fastmcp has its verifier of tokens and its rate limiter. create-mcp is what that scaffolder
renders with `--auth oauth`: it verifies tokens, has no limits and speaks the older era alone."""
WHERE_IT_GOES = """\
Where the time of a rendered server goes, by a profile of calls of 2026-07-28 with all but the tool's own code on:
about a quarter is the SDK's handling of the call; a fifth is reading, parsing and writing HTTP, and the event loop;
the audit's event takes 11 %, the span 7 %, the body's bounds and its parsing 8 %, metrics, which two readers take,
6 %, the token 4 % and the limit 3 %; the deadline, both looks at the policy, the strict reading of arguments and
the cleaning of results take 7 % together. That 2025-11-25 costs less than the SDK's is that one request needs no
transport, streams and tasks of its own there: it is served as one of 2026-07-28 is."""
Figures = Mapping[str, Mapping[str, float]]
"""What was measured, by server and row."""


@dataclass(frozen=True)
class Measured:
    """What was seen of one server, a figure for each turn."""

    start_cpu: list[float] = field(default_factory=list)
    start_seconds: list[float] = field(default_factory=list)
    cpu_per_call: dict[Era, list[float]] = field(default_factory=lambda: {era: [] for era in Era})
    calls_per_second: dict[Era, list[float]] = field(default_factory=lambda: {era: [] for era in Era})
    latencies: dict[Era, list[float]] = field(default_factory=lambda: {era: [] for era in Era})
    megabytes: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, float]:
        """Medians and percentiles: seconds and megabytes."""
        told = {
            "start CPU s": statistics.median(self.start_cpu),
            "start s": statistics.median(self.start_seconds),
            "memory MB": max(self.megabytes),
        }
        for era in filter(self.cpu_per_call.get, Era):
            told[f"{era} calls/s"] = statistics.median(self.calls_per_second[era])
            told[f"{era} CPU ms/call"] = statistics.median(self.cpu_per_call[era]) * 1000
            for percent in (50, 95, 99):
                told[f"{era} p{percent} ms"] = percentile(self.latencies[era], percent) * 1000
        return told


def percentile(values: Sequence[float], percent: int) -> float:
    """The value below which so many percent of all lie."""
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


def measure_starts(subjects: Sequence[Subject], workshop: Workshop, rounds: int) -> dict[str, Measured]:
    """Start each in turn, and see what it took until the first answer; the first round only fills caches."""
    measured = {subject.name: Measured() for subject in subjects}
    for turn in range(rounds + 1):
        for subject in subjects:
            with subject.started(workshop) as server:
                if turn:
                    measured[subject.name].start_cpu.append(server.cpu_seconds)
                    measured[subject.name].start_seconds.append(server.started_in)
    return measured


def measure_calls(
    servers: Sequence[Server], workshop: Workshop, seen: dict[str, Measured], sizes: argparse.Namespace
) -> None:
    """Let the servers answer in turns, in both eras, and note what each turn cost."""
    numbers = count()

    def take_turn(server: Server, era: Era, calls: int, noted: Measured) -> None:
        written = [workshop.call(server, era, next(numbers)) for _ in range(calls)]
        before, begin = server.cpu_seconds, time.perf_counter()
        latencies = send_calls(server.endpoint, written, sizes.connections)
        noted.calls_per_second[era].append(calls / (time.perf_counter() - begin))
        time.sleep(SETTLE_SECONDS)  # what it does after the answer, such as to export its traces, is its cost too
        noted.cpu_per_call[era].append((server.cpu_seconds - before) / calls)
        noted.latencies[era].extend(latencies)
        noted.megabytes.append(server.resident_megabytes)

    for server in servers:
        for era in server.subject.eras:
            take_turn(server, era, max(1, sizes.calls // 3), Measured())
    for _ in range(sizes.rounds):
        for era in Era:
            for server in (server for server in servers if era in server.subject.eras):
                take_turn(server, era, sizes.calls, seen[server.name])


def goals_for(seen: dict[str, Measured]) -> list[Goal]:
    """The first server's goals, beside those that were measured with it."""
    ours, *_ = seen.values()
    goals = [Goal("resident memory, MB", max(ours.megabytes), MOST_MEGABYTES)]
    for name, limit in MOST_CPU_OF.items():
        if name not in seen:
            continue
        theirs = seen[name].cpu_per_call
        goals += [
            Goal(f"CPU per call of {name}'s, {era}", ratio_of_pairs(ours.cpu_per_call[era], theirs[era]), limit)
            for era in filter(theirs.get, Era)
        ]
    if "bare SDK" in seen:
        ratio = ratio_of_pairs(ours.start_cpu, seen["bare SDK"].start_cpu)
        goals.append(Goal("start-up CPU of bare SDK's", ratio, MOST_START_OF_BARE))
    return goals


def print_table(table: Figures) -> None:
    """One column a server."""
    print(f"  {'':<24}" + "".join(f"{name:>15}" for name in table))
    for row in next(iter(table.values())):
        print(f"  {row:<24}" + "".join(f"{told(figures, row):>15}" for figures in table.values()))


def told(figures: Mapping[str, float], row: str) -> str:
    """A figure, or nothing where it was not measured."""
    return f"{figures[row]:.3f}" if row in figures else ""


def markdown(table: Figures, goals: Sequence[Goal], where: Mapping[str, object]) -> str:
    """The table, the goals and the conditions, to be kept."""
    lines = [
        "# A rendered server beside others",
        "",
        *textwrap.wrap(PREFACE.format(date=where["date"]), 118, break_on_hyphens=False),
        "",
        "| | " + " | ".join(table) + " |",
        "|---|" + "---:|" * len(table),
        *(
            f"| {row} | " + " | ".join(told(figures, row) for figures in table.values()) + " |"
            for row in next(iter(table.values()))
        ),
        "",
        "| ratio or figure | measured | goal: at most | met |",
        "|---|---:|---:|---|",
        *(
            f"| {goal.name} | {goal.value:.2f} | {goal.at_most:g} | {'yes' if goal.met else '**no**'} |"
            for goal in goals
        ),
        "",
        *textwrap.wrap(WHERE_IT_GOES, 118, break_on_hyphens=False),
        "",
        *textwrap.wrap("Conditions: " + ", ".join(f"{name} {value}" for name, value in where.items()) + ".", 118),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Install, start, measure, conclude."""
    sizes = parse_arguments()
    with open_workshop(sizes.principals) as workshop:
        ours, python = workshop.install_ours(sizes.ours)
        peers = [] if sizes.without_peers else [workshop.install_fastmcp(), workshop.install_create_mcp()]
        fastest = bare_sdk(python, FASTEST, "--json")
        subjects = [ours, workshop.install_bare_sdk(version_in(python, "mcp")), fastest, *peers]
        if not sizes.ours:
            subjects.append(workshop.install_silent())
            subjects.append(bare_sdk(python, "SDK, httptools"))
            subjects.append(replace(ours, name="all traced", settings={**ours.settings, **ALL_TRACED}))
        seen = measure_starts(subjects, workshop, sizes.starts)
        for _ in range(sizes.lives):
            with ExitStack() as life:
                servers = [life.enter_context(subject.started(workshop)) for subject in subjects]
                measure_calls(servers, workshop, seen, sizes)
        table = {name: measured.figures() for name, measured in seen.items()}
        versions = {f"fastmcp of {peer.name}": version_in(peer.python, "fastmcp") for peer in peers}
        where = conditions(**{name: vars(sizes)[name] for name in SIZES}, mcp=version_in(python, "mcp"), **versions)
    goals = goals_for(seen)
    print_table(table)
    if sizes.write:
        sizes.write.write_text(markdown(table, goals, where), encoding="utf-8")
    conclude(goals, {"servers": table}, where)


def parse_arguments() -> argparse.Namespace:
    """The sizes of a run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--lives", type=int, default=9, help="times that the servers start anew (%(default)s)")
    parser.add_argument("--rounds", type=int, default=1, help="turns of each in each era of a life (%(default)s)")
    parser.add_argument("--calls", type=int, default=600, help="calls in a turn (%(default)s)")
    parser.add_argument("--connections", type=int, default=4, help="calls at once (%(default)s)")
    parser.add_argument("--principals", type=int, default=100, help="who take turns (%(default)s)")
    parser.add_argument("--starts", type=int, default=9, help="starts of each server (%(default)s)")
    parser.add_argument("--without-peers", action="store_true", help="measure neither fastmcp nor create-mcp")
    parser.add_argument("--write", metavar="FILE", type=Path, help="write the table there too, as Markdown")
    parser.add_argument("--ours", metavar="COMMAND", help="measure this instead; its last argument is the port")
    return parser.parse_args()


main()
