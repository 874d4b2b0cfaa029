"""The official SDK's server: no token is looked at, nothing is counted.

Its arguments are the port and, where it is to answer in JSON instead of event streams, `--json`.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from mcp.server import MCPServer
from tools import register

server = MCPServer("bare")
register(server)
port, *options = sys.argv[1:]
server.run(transport="streamable-http", port=int(port), stateless_http=True, json_response="--json" in options)
