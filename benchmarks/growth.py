"""What a call costs as a rendered server grows: uv run python benchmarks/growth.py [--help].

The same server with few and with many tools, called by few and by many principals, in turns.
"""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from dataclasses import replace
from itertools import count

from load import send_calls
from paired import Goal, conclude, conditions, ratio_of_pairs
from servers import MOST_TOOLS, open_workshop

from scaffold.proof.wire import Era

MOST_RATIO = 1.25
FEW_PRINCIPALS = 10


def main() -> None:
    """Measure each kind of growth against the small server, and conclude."""
    sizes = parse_arguments()
    with open_workshop(sizes.principals) as workshop, ExitStack() as stack:
        ours, _ = workshop.install_ours(sizes.ours)
        grown = replace(ours, name="many tools", settings={**ours.settings, "BENCHMARK_TOOLS": str(sizes.tools)})
        small, large = (stack.enter_context(subject.started(workshop)) for subject in (ours, grown))
        crowded = stack.enter_context(replace(ours, name="many principals").started(workshop))
        servers = {small: FEW_PRINCIPALS, large: FEW_PRINCIPALS, crowded: sizes.principals}
        cost: dict[str, list[float]] = {server.name: [] for server in servers}
        numbers = count()
        for turn in range(sizes.rounds + 1):
            for server, principals in servers.items():
                calls = [workshop.call(server, Era.MODERN, next(numbers) % principals) for _ in range(sizes.calls)]
                before = server.cpu_seconds
                send_calls(server.endpoint, calls, 4)
                if turn:
                    cost[server.name].append((server.cpu_seconds - before) / sizes.calls * 1000)
        goals = [
            Goal(f"CPU per call with {name}", ratio_of_pairs(cost[name], cost[small.name]), MOST_RATIO)
            for name in ("many tools", "many principals")
        ]
        conclude(goals, {"CPU ms/call": cost}, conditions(**vars(sizes)))


def parse_arguments() -> argparse.Namespace:
    """The sizes of a run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7, help="turns of each server (%(default)s)")
    parser.add_argument("--calls", type=int, default=600, help="calls in a turn (%(default)s)")
    parser.add_argument("--tools", type=int, default=200, help=f"many tools (%(default)s, at most {MOST_TOOLS})")
    parser.add_argument("--principals", type=int, default=5_000, help="many principals (%(default)s)")
    parser.add_argument("--ours", metavar="COMMAND", help="measure this instead; its last argument is the port")
    return parser.parse_args()


main()
