# Managed by the template; updates merge into this file.
"""Ways out for lines: a thread of its own writes each, so that a slow, full or lost place holds up nobody."""

import asyncio
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from logging import makeLogRecord
from logging.handlers import TimedRotatingFileHandler
from pathlib import Path
from typing import Generic, Protocol, TypeVar

MAX_WAITING = 2_000
STALLED_SECONDS = 2.0
"""After so long a line that is being written counts as stuck."""
RETRY_SECONDS = 0.2
GATHER_SECONDS = 0.02
"""Between writes for which nobody waits, so that a busy server wakes the thread for many lines and not for each."""
Item = TypeVar("Item")


class Place(Protocol):
    """Where bytes go."""

    def prepare(self) -> None:
        """Called between lines; raises `OSError` where nothing can be written."""

    def write(self, data: memoryview) -> int:
        """Write some of it; how much, or `OSError`."""


class StandardError:
    """What is there when the process starts; one line at a time, whoever writes."""

    _lock = threading.Lock()

    def prepare(self) -> None:
        """There is nothing to do."""

    def write(self, data: memoryview) -> int:
        """Write to the descriptor itself: a buffer would keep what it could not write, and write it twice."""
        with self._lock:
            return os.write(sys.stderr.fileno(), data)


class RotatedFile:
    """A file that is rotated each midnight; a pipe is opened by the thread that writes, as that waits for a reader.

    Raises `OSError` where a file cannot be opened.
    """

    def __init__(self, path: Path, keep_days: int) -> None:
        self._rotation = TimedRotatingFileHandler(
            path, when="midnight", utc=True, backupCount=keep_days, encoding="utf-8", delay=True
        )
        if not path.is_fifo():
            self._descriptor()
        if path.is_file():
            self._end_line(path)

    def prepare(self) -> None:
        """Rotate where it is time; a file that cannot be rotated now goes on, and is tried again in an hour."""
        if self._rotation.shouldRollover(makeLogRecord({})):
            try:
                self._rotation.doRollover()
            except OSError:
                self._rotation.rolloverAt = int(time.time()) + 3_600
        self._descriptor()

    def write(self, data: memoryview) -> int:
        """Write to the descriptor itself."""
        return os.write(self._descriptor(), data)

    def _descriptor(self) -> int:
        if self._rotation.stream is None:
            self._rotation.stream = self._rotation._open()
        return self._rotation.stream.fileno()

    def _end_line(self, path: Path) -> None:
        """What a killed process began to write stays, on a line of its own."""
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 1))
            if size and file.read() != b"\n":
                os.write(self._descriptor(), b"\n")


@dataclass(frozen=True, slots=True)
class Gap:
    """What was not written, as too much waited already."""

    missed: int
    since: float
    reason: str


@dataclass(eq=False)
class Outlet(Generic[Item]):
    """Writes items in order. It keeps what it cannot write and tries again; beyond `MAX_WAITING` it counts a gap."""

    place: Place
    encode: Callable[[Item], str]
    """Called in order, once for each item that is going to be written."""
    describe: Callable[[Gap], Item]
    tell: Callable[[Exception | None], None] = lambda _: None
    """Hears of the error with which an outage begins, and of its end."""
    taken: int = 0
    written: int = 0
    missed: int = 0
    _waiting: deque[Item] = field(default_factory=deque)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _hurried: threading.Event = field(default_factory=threading.Event)
    _waiters: list[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = field(default_factory=list)
    _gap: Gap | None = None
    _error: OSError | None = None
    _began: float | None = None

    def __post_init__(self) -> None:
        threading.Thread(target=self._run, daemon=True).start()

    @property
    def is_open(self) -> bool:
        """What is put now will be written soon."""
        began = self._began
        return self._error is None and (began is None or time.monotonic() - began < STALLED_SECONDS)

    def put(self, item: Item) -> None:
        """Take an item, or count that it was missed."""
        if self._error is None and not self.is_open:
            self._note(OSError("nobody takes what is written"))
        with self._changed:
            if len(self._waiting) < MAX_WAITING:
                self._waiting.append(item)
                self.taken += 1
                self._changed.notify_all()
                return
            self.missed += 1
            first = self._gap or Gap(0, time.time(), str(self._error or "too much at once"))
            self._gap = Gap(first.missed + 1, first.since, first.reason)

    async def everything_written(self) -> None:
        """Wait until all that was taken so far is written."""
        event = asyncio.Event()
        with self._changed:
            if self.written >= self.taken:
                return
            self._waiters.append((self.taken, asyncio.get_running_loop(), event))
            self._hurried.set()
        await event.wait()

    def drain(self, seconds: float = STALLED_SECONDS) -> bool:
        """Wait so long at most until all is written; whether it is."""
        self._hurried.set()
        with self._changed:
            return self._changed.wait_for(lambda: self.written >= self.taken, seconds)

    def _run(self) -> None:
        while True:
            self._hurried.wait(GATHER_SECONDS)
            self._hurried.clear()
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                items = list(self._waiting)
                self._waiting.clear()
            self._write("".join(f"{self.encode(item)}\n" for item in items))
            with self._changed:
                self.written += len(items)
                if self._gap and not self._waiting:
                    self._waiting.append(self.describe(self._gap))
                    self.taken += 1
                    self._gap = None
                self._wake_waiters()

    def _write(self, text: str) -> None:
        """Write all of it: what a failure leaves half written is gone on with, so that no line is torn or repeated."""
        whole = rest = memoryview(text.encode())
        self._began = time.monotonic()
        while rest:
            try:
                if len(rest) == len(whole):
                    self.place.prepare()
                rest = rest[self.place.write(rest) :]
                self._note(None)
            except OSError as error:
                self._note(error)
                time.sleep(RETRY_SECONDS)
        self._began = None

    def _note(self, error: OSError | None) -> None:
        before, self._error = self._error, error
        if (before is None) != (error is None):
            self.tell(error)

    def _wake_waiters(self) -> None:
        self._changed.notify_all()
        served = [waiter for waiter in self._waiters if waiter[0] <= self.written]
        self._waiters = [waiter for waiter in self._waiters if waiter[0] > self.written]
        for _, loop, event in served:
            with suppress(RuntimeError):  # Its loop is closed.
                loop.call_soon_threadsafe(event.set)
