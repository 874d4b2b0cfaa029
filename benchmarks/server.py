"""A rendered server with everything on beside the bare SDK and fastmcp: uv run python benchmarks/server.py [--help].

Tokens, policy, limits, audit, metrics and the traces of a tenth of all calls are on in ours; "all traced" has the
traces of all of them. fastmcp has its verifier of tokens and its rate limiter; the bare SDK has nothing. All offer the
same tool. CPU is what the server's process used in its turns.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import count

from load import send_calls
from paired import Goal, conclude, conditions, ratio_of_pairs
from servers import ALL_TRACED, Server, Subject, Workshop, bare_sdk, open_workshop, version_in

from scaffold.proof.wire import Era

MOST_CPU_OF_BARE = 1.35
MOST_CPU_OF_FASTMCP = 1.0
MOST_START_OF_BARE = 1.5
MOST_MEGABYTES = 110
SETTLE_SECONDS = 0.7


@dataclass(frozen=True)
class Measured:
    """What was seen of one server, a figure for each turn."""

    start_cpu: list[float] = field(default_factory=list)
    start_seconds: list[float] = field(default_factory=list)
    cpu_per_call: dict[Era, list[float]] = field(default_factory=lambda: {era: [] for era in Era})
    latencies: dict[Era, list[float]] = field(default_factory=lambda: {era: [] for era in Era})
    megabytes: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, float]:
        """Medians and percentiles: seconds and megabytes."""
        told = {
            "start CPU s": statistics.median(self.start_cpu),
            "start s": statistics.median(self.start_seconds),
            "memory MB": max(self.megabytes),
        }
        for era in Era:
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

    def take_turn(server: Server, era: Era, calls: int) -> tuple[float, list[float]]:
        written = [workshop.call(server, era, next(numbers)) for _ in range(calls)]
        before = server.cpu_seconds
        latencies = send_calls(server.endpoint, written, sizes.connections)
        time.sleep(SETTLE_SECONDS)  # what it does after the answer, such as to export its traces, is its cost too
        return (server.cpu_seconds - before) / calls, latencies

    for server in servers:
        for era in Era:
            take_turn(server, era, max(1, sizes.calls // 3))
    for _ in range(sizes.rounds):
        for era in Era:
            for server in servers:
                per_call, latencies = take_turn(server, era, sizes.calls)
                seen[server.name].cpu_per_call[era].append(per_call)
                seen[server.name].latencies[era].extend(latencies)
                seen[server.name].megabytes.append(server.resident_megabytes)


def goals_for(seen: dict[str, Measured]) -> list[Goal]:
    """The first server's goals, beside those that were measured with it."""
    ours, *_ = seen.values()
    goals = [Goal("resident memory, MB", max(ours.megabytes), MOST_MEGABYTES)]
    for name, limit in (("bare SDK", MOST_CPU_OF_BARE), ("fastmcp", MOST_CPU_OF_FASTMCP)):
        if name in seen:
            goals += [
                Goal(
                    f"CPU per call of {name}'s, {era}",
                    ratio_of_pairs(ours.cpu_per_call[era], seen[name].cpu_per_call[era]),
                    limit,
                )
                for era in Era
            ]
    if "bare SDK" in seen:
        ratio = ratio_of_pairs(ours.start_cpu, seen["bare SDK"].start_cpu)
        goals.append(Goal("start-up CPU of bare SDK's", ratio, MOST_START_OF_BARE))
    return goals


def print_table(seen: dict[str, Measured]) -> dict[str, dict[str, float]]:
    """One column a server; returns what was printed."""
    table = {name: measured.figures() for name, measured in seen.items()}
    print(f"  {'':<24}" + "".join(f"{name:>12}" for name in table))
    for row in next(iter(table.values())):
        print(f"  {row:<24}" + "".join(f"{figures[row]:12.3f}" for figures in table.values()))
    return table


def main() -> None:
    """Install, start, measure, conclude."""
    sizes = parse_arguments()
    with open_workshop(sizes.principals) as workshop, ExitStack() as stack:
        ours, python = workshop.install_ours(sizes.ours)
        subjects = [ours, bare_sdk(python)]
        versions = {"mcp": version_in(python, "mcp")}
        if not sizes.without_fastmcp:
            peer = workshop.install_fastmcp()
            versions["fastmcp"] = version_in(peer.command[0], "fastmcp")
            subjects.append(peer)
        if not sizes.ours:
            subjects.append(replace(ours, name="all traced", settings={**ours.settings, **ALL_TRACED}))
        seen = measure_starts(subjects, workshop, sizes.starts)
        servers = [stack.enter_context(subject.started(workshop)) for subject in subjects]
        measure_calls(servers, workshop, seen, sizes)
        table = print_table(seen)
        conclude(goals_for(seen), {"servers": table}, conditions(**vars(sizes), **versions))


def parse_arguments() -> argparse.Namespace:
    """The sizes of a run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=9, help="turns of each server in each era (%(default)s)")
    parser.add_argument("--calls", type=int, default=600, help="calls in a turn (%(default)s)")
    parser.add_argument("--connections", type=int, default=4, help="calls at once (%(default)s)")
    parser.add_argument("--principals", type=int, default=100, help="who take turns (%(default)s)")
    parser.add_argument("--starts", type=int, default=5, help="starts of each server (%(default)s)")
    parser.add_argument("--without-fastmcp", action="store_true", help="do not install and measure fastmcp")
    parser.add_argument("--ours", metavar="COMMAND", help="measure this instead; its last argument is the port")
    return parser.parse_args()


main()
