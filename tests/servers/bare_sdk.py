"""The official SDK's server as it comes, on the port that is its only argument."""

from __future__ import annotations

import sys

from mcp.server import MCPServer
from mcp_types import ToolAnnotations

server = MCPServer("bare")


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def double(number: int = 1) -> int:
    """Double a number."""
    return 2 * number


if __name__ == "__main__":
    server.run(transport="streamable-http", port=int(sys.argv[1]), stateless_http=True)
