"""What a server says that it has."""

import pytest
from mcp.client.client import Client
from mcp.server.subscriptions import InMemorySubscriptionBus
from notes_server.runtime.access.principal import LOCAL_USER, acting_as
from notes_server.runtime.server import build_server
from notes_server.runtime.settings import Settings
from runtime.test_protocol import POLICY

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_resources_and_prompts_are_advertised_only_where_there_are_any(mode: str) -> None:
    async def advertised(*parts: str) -> list[bool]:
        server = build_server(Settings(policy_file=POLICY), InMemorySubscriptionBus(), parts)
        with acting_as(LOCAL_USER):
            async with Client(server.mcp, mode=mode) as client:
                told = client.server_capabilities
                return [told.resources is not None, told.prompts is not None]

    assert await advertised("sample.features") == [True, True]
    assert await advertised() == [False, False]
