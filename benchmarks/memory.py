"""Whether a rendered server's memory stays flat: uv run python benchmarks/memory.py [--calls 1000000] [--help].

Many principals take turns; once each has called, memory may grow by little, which is told for a million calls too.
"""

from __future__ import annotations

import argparse

from load import send_calls
from paired import Goal, conclude, conditions
from servers import open_workshop

from scaffold.proof.wire import Era

MOST_MEGABYTES = 110
MOST_GROWTH_MEGABYTES = 5
PARTS = 20


def main() -> None:
    """Call, look at the memory now and then, and conclude."""
    sizes = parse_arguments()
    with open_workshop(sizes.principals) as workshop:
        ours, _ = workshop.install_ours(sizes.ours)
        with ours.started(workshop) as server:
            part = max(1, sizes.calls // PARTS)
            seen: list[float] = []
            for number in range(PARTS):
                calls = (workshop.call(server, Era.MODERN, number * part + call) for call in range(part))
                send_calls(server.endpoint, list(calls), 8)
                seen.append(round(server.resident_megabytes, 2))
                print(f"  after {(number + 1) * part:>9} calls {seen[-1]:8.1f} MB", flush=True)
    growth = seen[-1] - seen[PARTS // 2 - 1]
    goals = [
        Goal("resident memory, MB", max(seen), MOST_MEGABYTES),
        Goal("growth in the second half of all calls, MB", growth, MOST_GROWTH_MEGABYTES),
    ]
    per_million = growth / (part * PARTS / 2) * 1e6
    conclude(goals, {"MB": seen, "MB per million calls": per_million}, conditions(**vars(sizes)))


def parse_arguments() -> argparse.Namespace:
    """The sizes of a run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--calls", type=int, default=20_000, help="calls in all (%(default)s)")
    parser.add_argument("--principals", type=int, default=10_000, help="who take turns (%(default)s)")
    parser.add_argument("--ours", metavar="COMMAND", help="measure this instead; its last argument is the port")
    return parser.parse_args()


main()
