"""The official SDK's server as it comes: no token is looked at, nothing is counted. Its only argument is the port."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from mcp.server import MCPServer
from tools import register

server = MCPServer("bare")
register(server)
server.run(transport="streamable-http", port=int(sys.argv[1]), stateless_http=True)
