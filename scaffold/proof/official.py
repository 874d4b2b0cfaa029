"""A script that calls the server with the official SDK's client; the repository's own Python runs it."""

from __future__ import annotations

import json
from collections.abc import Mapping

SCRIPT = """
import json, os
import anyio
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

async def main():
    told = {}
    for mode in ("legacy", "auto"):
        async with create_mcp_http_client(headers=json.loads(os.environ["PROOF_HEADERS"])) as http:
            transport = streamable_http_client(os.environ["PROOF_URL"], http_client=http)
            async with Client(transport, mode=mode) as client:
                told[mode] = [tool.name for tool in (await client.list_tools()).tools]
    print(json.dumps(told))

anyio.run(main)
"""


def settings(url: str, token: str | None) -> Mapping[str, str]:
    """The variables that the script reads. The token is one, because other users could read an argument."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return {"PROOF_URL": url, "PROOF_HEADERS": json.dumps(headers), "NO_PROXY": "*"}
