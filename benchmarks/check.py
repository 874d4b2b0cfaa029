"""`mcp-scaffold check` of a large repository beside `copier --help`: uv run python benchmarks/check.py [ROUNDS].

The goal is that a check costs no more than a second tool's start, which is below two seconds on any machine of today.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from paired import Contender, compare, rounds_from_arguments

PROGRAMS = Path(sys.executable).parent
ANSWERS = (
    *("transport=both", "auth_provider=oidc", "auth_issuer=https://id.example.com", "telemetry=both"),
    *("deployment=kubernetes", "service_mesh=linkerd", "gateway_controller=envoy-gateway", "replica_state=redis"),
    "compliance=[soc2, hipaa, sox, gdpr, pci-dss, iso-27001, fedramp-moderate]",
)


def main() -> None:
    """Compare in a folder of its own."""
    with TemporaryDirectory() as name:
        repository, program = Path(name, "repository"), str(PROGRAMS / "mcp-scaffold")
        options = [option for answer in ANSWERS for option in ("--data", answer)]
        new = [program, "new", str(repository), "--defaults", "--no-lock", "--no-git", "--no-prove", *options]
        subprocess.run(new, check=True, capture_output=True)
        (repository / "uv.lock").touch()
        compare(
            Contender("mcp-scaffold check", [program, "check", str(repository)]),
            Contender("copier --help", [str(PROGRAMS / "copier"), "--help"]),
            goal=1,
            rounds=rounds_from_arguments(usual=15),
        )


main()
