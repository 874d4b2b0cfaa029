"""Hosts and origins that are written in several ways, and the session of a browser."""

from typing import Any

import httpx2
import pytest
from notes_server.runtime.http.errors import RequestRefused
from notes_server.runtime.http.guards.hosts import Hosts
from starlette.responses import PlainTextResponse

pytestmark = pytest.mark.anyio


async def status_of(**headers: str) -> int:
    """What a request with these headers is answered by a server at https://tools.example.com."""
    allowed, origins = ["tools.example.com", "[::1]:9000"], ["https://tools.example.com:443", "https://[::1]:9000"]
    app = Hosts(PlainTextResponse("served"), allowed, origins, "https", frozenset())
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app)) as client:
        try:
            return (await client.get("https://tools.example.com/", headers=headers)).status_code
        except RequestRefused as refused:
            return refused.status


SAME = ["tools.example.com", "Tools.Example.COM:443", "tools.example.com.", "[::1]:9000", "[0:0:0:0:0:0:0:1]:9000"]


OTHER = ["tools.example.com:80", "tools.example.com:8443", "tools.example.com..", "x@tools.example.com", "[::1]", "::1"]


async def test_equal_forms_of_hosts_and_origins_are_equal_and_no_others() -> None:
    assert {host: await status_of(host=host) for host in SAME} == dict.fromkeys(SAME, 200)
    assert {host: await status_of(host=host) for host in OTHER} == dict.fromkeys(OTHER, 421)
    origins, foreign = [f"https://{host}" for host in SAME], [f"https://{host}" for host in OTHER]
    assert {origin: await status_of(origin=origin) for origin in origins} == dict.fromkeys(origins, 200)
    assert {origin: await status_of(origin=origin) for origin in foreign} == dict.fromkeys(foreign, 403)
    assert await status_of(origin="http://tools.example.com:443") == 403


def test_a_browser_may_send_and_read_its_session_where_there_are_any(start: Any) -> None:
    origin = "https://app.example.com"
    server, _ = start(allowed_origins=origin, max_legacy_sessions=1)
    preflight = server.http.options("/mcp", headers={"origin": origin})
    for name in ("allow", "expose"):
        assert "mcp-session-id" in preflight.headers[f"access-control-{name}-headers"].split(", ")
