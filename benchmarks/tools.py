"""The tools that every server under measurement offers: copies of one, as many as `BENCHMARK_TOOLS` says."""

import os
from typing import Any

from pydantic import BaseModel

NAMES = [f"add_{number}" for number in range(int(os.environ.get("BENCHMARK_TOOLS", "1")))]


class Sum(BaseModel):
    """What two numbers make."""

    total: int


async def add(first: int, second: int) -> Sum:
    """Add two numbers."""
    return Sum(total=first + second)


def register(server: Any) -> None:  # noqa: ANN401 -- servers of several libraries
    """Add the tools to a server of the SDK."""
    for name in NAMES:
        server.add_tool(add, name=name)
