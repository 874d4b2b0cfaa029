# Managed by the template; updates merge into this file.
"""What the process uses, and how much of it there is."""

import asyncio
import os
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from ..about import VERSION
from .instruments import observe, observe_each

MEMORY_LIMITS = "memory.max", "memory/memory.limit_in_bytes"
"""Of the control group, in its second and first version; from a petabyte on there is none."""
TICK_SECONDS, REMEMBERED_SECONDS = 0.25, 15.0
_started = time.monotonic()


def observe_process(limits: Mapping[str, int]) -> None:
    """Tell what the process uses, and beside the limits of calls those of its memory and files."""
    observe("process.cpu.time", time.process_time)
    observe("process.memory.usage", lambda: _read("/proc/self/statm", 1) * os.sysconf("SC_PAGE_SIZE"))
    observe("process.open_file_descriptor.count", lambda: len(list(Path("/proc/self/fd").iterdir())))
    observe("process.uptime", lambda: time.monotonic() - _started)
    observe_each("mcp.server.build.info", "version", lambda: {VERSION: 1})
    own = {resource: limit for resource, limit in limits.items() if limit}
    observe_each("mcp.server.limit", "resource", lambda: own | _read_limits())


def _read(file: str, field: int = 0) -> int:
    return int(Path(file).read_text(encoding="utf-8").split()[field])


def _read_limits() -> dict[str, int]:
    found: dict[str, int] = {}
    for name in MEMORY_LIMITS:
        with suppress(OSError, ValueError):  # of a group without a limit it says "max"
            if (memory := _read(f"/sys/fs/cgroup/{name}")) < 1 << 50:
                found["memory"] = memory
    with suppress(ImportError):  # Windows has none
        import resource

        found["file_descriptors"] = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return {name: limit for name, limit in found.items() if limit > 0}


class EventLoopLag:
    """How late the event loop comes to what is due: every call waits so long."""

    def __init__(self) -> None:
        self._late: deque[float] = deque([0.0], maxlen=round(REMEMBERED_SECONDS / TICK_SECONDS))
        self._due = float("inf")
        observe("mcp.server.event_loop.lag", lambda: max(*self._late.copy(), time.monotonic() - self._due, 0))

    def watch(self) -> None:
        """Look again and again, as long as the loop runs that calls this; one that is stuck now is late already."""
        now = time.monotonic()
        self._late.append(now - self._due)
        self._due = now + TICK_SECONDS
        asyncio.get_running_loop().call_later(TICK_SECONDS, self.watch)
