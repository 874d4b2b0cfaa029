"""An answer as it is written: to a client that goes away, and while a call says nothing."""

import asyncio
from typing import Any

import pytest
from notes_server.runtime.http.exchange import Exchange
from process import LEGACY, MODERN

pytestmark = pytest.mark.anyio


class Wire:
    """The client's end of one request: what was sent to it, and when it goes away."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.leaves, self.is_told = asyncio.Event(), asyncio.Event()
        self.scope = {"type": "http", "headers": [], "message": {"id": 1}}

    async def receive(self) -> Any:
        await self.leaves.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.sent.append(message)
        if len(self.sent) == 3:
            self.is_told.set()


@pytest.mark.parametrize("speaks", [False, True])
async def test_a_client_that_goes_away_gets_no_answer(speaks: bool) -> None:
    """Also once its stream has begun."""
    wire = Wire()
    exchange = Exchange(wire.scope, wire.receive, wire.send)

    async def tool() -> dict[str, Any]:
        if speaks:
            await exchange.notify("notifications/message", {})
        wire.leaves.set()
        await asyncio.Event().wait()
        return {}

    async with asyncio.timeout(10):
        await exchange.answer(tool(), LEGACY)
    assert len(wire.sent) == (2 if speaks else 0)


async def test_a_silent_call_keeps_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notes_server.runtime.http.exchange.PING_SECONDS", 0.01)
    wire = Wire()

    async def tool() -> dict[str, Any]:
        await wire.is_told.wait()
        return {"done": True}

    async with asyncio.timeout(10):
        await Exchange(wire.scope, wire.receive, wire.send).answer(tool(), MODERN)
    first, *_, last = (message["body"] for message in wire.sent if "body" in message)
    assert first == b": ping\r\n\r\n"
    assert b'"done":true' in last
