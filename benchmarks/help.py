"""`mcp-scaffold --help` beside `copier --help`: uv run python benchmarks/help.py [ROUNDS]."""

from __future__ import annotations

import sys
from pathlib import Path

from paired import Contender, compare, rounds_from_arguments

PROGRAMS = Path(sys.executable).parent

compare(
    Contender("mcp-scaffold --help", [str(PROGRAMS / "mcp-scaffold"), "--help"]),
    Contender("copier --help", [str(PROGRAMS / "copier"), "--help"]),
    goal=0.35,
    rounds=rounds_from_arguments(usual=15),
)
