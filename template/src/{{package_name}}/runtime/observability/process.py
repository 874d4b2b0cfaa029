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

STATM, DESCRIPTORS = Path("/proc/self/statm"), Path("/proc/self/fd")
MEMORY_LIMITS = [Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")]
"""Of the control group, in its second and first version; beyond a petabyte there is none."""
TICK_SECONDS, REMEMBERED_SECONDS = 0.25, 15.0
_started = time.monotonic()


def observe_process(limits: Mapping[str, int]) -> None:
    """Tell what the process uses, beside `limits` of its calls those of its memory and files."""
    observe("process.cpu.time", time.process_time)
    observe("process.memory.usage", _read_memory)
    observe("process.open_file_descriptor.count", _count_descriptors)
    observe("process.uptime", lambda: time.monotonic() - _started)
    observe_each("mcp.server.build.info", "version", lambda: {VERSION: 1})
    own = {resource: limit for resource, limit in limits.items() if limit}
    observe_each("mcp.server.limit", "resource", lambda: own | _read_limits())


def _read_memory() -> float | None:
    with suppress(OSError):
        return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return None


def _count_descriptors() -> float | None:
    with suppress(OSError):
        return sum(1 for _ in DESCRIPTORS.iterdir())
    return None


def _read_limits() -> dict[str, int]:
    found: dict[str, int] = {}
    for file in MEMORY_LIMITS:
        with suppress(OSError, ValueError):  # of a group without a limit it says "max"
            if (memory := int(file.read_text())) < 1 << 50:
                found["memory"] = memory
    with suppress(ImportError):  # Windows has none
        import resource

        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if files != resource.RLIM_INFINITY:
            found["file_descriptors"] = files
    return found


class EventLoopLag:
    """How late the event loop comes to what is due: every call waits so long."""

    def __init__(self) -> None:
        self._late: deque[tuple[float, float]] = deque(maxlen=round(REMEMBERED_SECONDS / TICK_SECONDS))
        self._due = float("inf")
        observe("mcp.server.event_loop.lag", self.worst)

    def watch(self) -> None:
        """Look again and again, as long as the loop runs that calls this."""
        now = time.monotonic()
        self._late.append((now, max(0.0, now - self._due)))
        self._due = now + TICK_SECONDS
        asyncio.get_running_loop().call_later(TICK_SECONDS, self.watch)

    def worst(self) -> float:
        """The worst of the last 15 seconds, in seconds; a loop that is stuck now is late already."""
        now = time.monotonic()
        recent = [late for moment, late in self._late.copy() if now - moment < REMEMBERED_SECONDS]
        return max([*recent, now - self._due, 0.0])
