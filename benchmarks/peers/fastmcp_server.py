"""A fastmcp server with its own verifier of tokens and its own rate limiter for each principal.

Its arguments are the port, the issuer and the audience.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fastmcp import FastMCP
from fastmcp.server.auth.providers.jwt import JWTVerifier
from fastmcp.server.dependencies import get_access_token
from fastmcp.server.middleware.rate_limiting import SlidingWindowRateLimitingMiddleware
from tools import NAMES, add

port, issuer, audience = sys.argv[1:]


def principal(_: object) -> str:
    """Whose token the current request bears."""
    token = get_access_token()
    return str(token.claims["sub"]) if token else "nobody"


server = FastMCP(
    "peer",
    auth=JWTVerifier(jwks_uri=f"{issuer}/keys", issuer=issuer, audience=audience, required_scopes=["mcp:read"]),
    middleware=[SlidingWindowRateLimitingMiddleware(max_requests=1_000_000, get_client_id=principal)],
)
for name in NAMES:
    server.tool(add, name=name)
server.run(transport="http", host="127.0.0.1", port=int(port), stateless_http=True, show_banner=False)
