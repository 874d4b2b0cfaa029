"""A server that is told to stop, that many call at once, and that logs all it can."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import uvicorn
from mcp.server.subscriptions import InMemorySubscriptionBus
from notes_server.runtime.calls.errors import CallRefused
from notes_server.runtime.http.health import Readiness
from notes_server.runtime.http.lifecycle import Application, DrainingServer
from notes_server.runtime.http.subscriptions import Subscriptions
from process import LEGACY, MODERN, becomes_true
from starlette.requests import Request
from starlette.routing import Router


def test_many_callers_at_once_are_served_as_quickly_as_one_after_the_other(start: Any) -> None:
    server, token = start(rate_limit="100000/hour")

    def seconds_with(callers: int) -> float:
        started = time.monotonic()
        with ThreadPoolExecutor(callers) as pool:
            answers = pool.map(lambda _: server.call("read_item", token=token).status_code, range(80))
        assert set(answers) == {200}
        return time.monotonic() - started

    assert becomes_true(lambda: seconds_with(callers=16) < 3 * seconds_with(callers=1))


def test_no_log_holds_what_a_call_returns(start: Any) -> None:
    server, token = start(log_level="DEBUG")
    for era in (MODERN, LEGACY):
        assert "reversed" in server.call("leak", token=token, era=era).text
    server.stop()
    assert server.log
    assert "reversed" not in server.log


async def nothing() -> None:
    """There is no request to end."""


@pytest.mark.anyio
async def test_a_server_that_was_told_to_stop_is_not_ready() -> None:
    readiness, listen = Readiness({}), Subscriptions(InMemorySubscriptionBus(), max_subscriptions=1)
    application = Application(Router(), readiness, listen, lambda *_: None, nothing)
    server = DrainingServer(uvicorn.Config(application.asgi, log_config=None), application)
    assert (await readiness.readyz(Request({"type": "http"}))).status_code == 200
    server.handle_exit(signal.SIGTERM, None)
    assert (await readiness.readyz(Request({"type": "http"}))).status_code == 503
    assert not listen.is_closed, "a signal comes at any moment, also just before a stream begins to wait"


@pytest.mark.anyio
async def test_no_subscription_begins_while_the_server_stops() -> None:
    listen = Subscriptions(InMemorySubscriptionBus(), max_subscriptions=1)
    listen.close()
    nothing_yet: Any = None
    with pytest.raises(CallRefused, match="The server stops"):
        await listen(nothing_yet, nothing_yet)
