"""A Redis that is slow, a network that loses connections without a word, and events that could not be published."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from threading import Thread
from typing import Any

import pytest
from mcp.server.subscriptions import ResourceUpdated, ServerEvent
from notes_server.runtime.access.principal import LOCAL_USER, acting_as
from notes_server.runtime.calls.limits import RateLimit
from notes_server.runtime.http.errors import RequestRefused
from notes_server.runtime.http.guards.call_limits import COUNT_SECONDS, CallLimits
from notes_server.runtime.settings import Settings
from notes_server.runtime.state import in_redis
from notes_server.runtime.state.in_redis import SharedState
from notes_server.runtime.state.redis_events import RedisBus
from process import free_port, until
from pydantic import SecretStr
from redis.asyncio import Redis
from runtime.test_redis import TROUBLES
from store import Store

pytestmark = pytest.mark.anyio


class Network:
    """Stands before a store; it loses connections without a word, drops all that is sent, or is slow."""

    def __init__(self, store: Store) -> None:
        self.drops = False
        self.delay_seconds = 0.0
        self._store = store
        self._lost = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"
        Thread(target=self._accept, daemon=True).start()

    def lose_connections(self) -> None:
        """Those that are open stay so, and carry nothing any more; new ones work."""
        self._lost += 1

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._store.port))
            for ends in ((client, server), (server, client)):
                Thread(target=self._forward, args=(*ends, self._lost), daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket, lost: int) -> None:
        try:
            while data := source.recv(65_536):
                if self.drops or lost != self._lost:
                    continue
                time.sleep(self.delay_seconds)
                target.sendall(data)
        except OSError:
            pass
        target.close()


@asynccontextmanager
async def sharing(url: str, replicas: int = 1) -> AsyncIterator[list[SharedState]]:
    """What so many replicas share over a Redis, as a server runs it."""
    async with AsyncExitStack() as stack:
        states = [SharedState(Settings(environment="development", redis_url=SecretStr(url))) for _ in range(replicas)]
        for state in states:
            await stack.enter_async_context(state.run(lambda: [ResourceUpdated("items://1")]))
        yield states


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    """Between a Redis and replicas that look after it often."""
    monkeypatch.setattr(in_redis, "CHECK_SECONDS", 0.2)
    store = Store()
    network = Network(store)
    yield network
    network.close()
    store.stop()


async def test_a_slow_redis_is_told_and_one_that_is_too_slow_refuses(
    network: Network, caplog: pytest.LogCaptureFixture
) -> None:
    async def never(*_: object) -> None:
        raise AssertionError("it was not counted")

    async with sharing(network.url) as (state,):
        await until(lambda: not state.trouble())
        network.delay_seconds = 0.2
        await until(lambda: "Redis is slow" in caplog.text)
        assert not state.trouble()
        network.drops = True
        await until(lambda: state.trouble() == "timeout")
        limits = CallLimits(never, RateLimit("9/hour", state.storage, frozenset()), 1)
        started = time.monotonic()
        with acting_as(LOCAL_USER), pytest.raises(RequestRefused, match="cannot be counted") as refused:
            await limits({"message": {"method": "tools/call"}}, never, never)  # type: ignore[arg-type]  # not asked
        assert refused.value.status == 503
        assert time.monotonic() - started < COUNT_SECONDS + 10
    assert caplog.text.count("Redis is slow") == 1


async def test_connections_that_are_lost_without_a_word_are_opened_anew(network: Network) -> None:
    heard: list[ServerEvent] = []
    async with sharing(network.url, replicas=2) as (first, second):
        await until(lambda: not first.trouble() and not second.trouble())
        first.bus.subscribe(heard.append)
        network.lose_connections()
        heard.clear()
        assert await second.storage.acquire_sliding_window_entry("call", 1, 60)
        await second.bus.publish(ResourceUpdated("items://1"))
        await until(lambda: ResourceUpdated("items://1") in heard)


@pytest.mark.parametrize("trouble", ["demoted", "full"])
async def test_an_event_that_cannot_be_published_is_made_up_for(trouble: str) -> None:
    store, heard = Store(), list[ServerEvent]()
    async with Redis.from_url(store.url) as redis:
        publisher, listener = RedisBus(redis), RedisBus(redis)
        receiving = asyncio.create_task(listener.receive(lambda: [ResourceUpdated("items://1")]))
        listener.subscribe(heard.append)
        await until(lambda: bool(heard))  # it is subscribed
        heard.clear()
        _, break_it, mend_it = TROUBLES[trouble]
        store.operate(break_it)
        await publisher.publish(ResourceUpdated("items://1"))
        assert not heard
        store.operate(mend_it)
        await publisher.beat(redis)
        await until(lambda: bool(heard))
        receiving.cancel()
    store.stop()


def test_a_redis_that_was_never_there_is_told_to_the_operator(start: Any) -> None:
    server, _ = start(wait_for="/livez", redis_url=f"redis://127.0.0.1:{free_port()}/0")
    assert server.becomes("/readyz", 503)
    server.stop()
    assert server.log.count("Redis cannot be used") == 1
