"""Other scaffolders beside ours: how each renders an http server, and how that server is installed and started."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from uv import find_uv_bin

UV = find_uv_bin()
PROGRAMS = Path(sys.executable).parent


@dataclass(frozen=True)
class Peer:
    """A scaffolder, how it renders an http server into `notes`, and how that server is installed and started.

    Commands and variables may hold {port}, {url} (the endpoint), {base} (its origin), {issuer} and {keys}.
    """

    name: str
    told: str
    render: Sequence[str]
    start: Sequence[str]
    install: Sequence[Sequence[str]] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    with_token: bool = False


def from_pypi(package: str, *command: str) -> tuple[str, ...]:
    """Run a package's program of the same name, in an environment of its own."""
    return (UV, "tool", "run", "--isolated", "--from", package, package.partition("==")[0], *command)


IN_PLACE = ((UV, "venv", "--quiet", ".venv"), (UV, "pip", "install", "--quiet", "--editable", "."))
CREATE_MCP = from_pypi("create-mcp==0.2.0", "notes", "--yes", "--no-git", "--no-precommit")
REMOTE_MCP = from_pypi("remote-mcp==1.0.0", "new", "notes", "--yes")
MCP_ANVIL = from_pypi("mcp-anvil==0.2.0", "new", "notes", "--yes", "--lang", "python", "--transport", "http")
MCP_FRAMEWORK = ("npm", "exec", "--yes", "--package", "mcp-framework@0.2.22", "--", "mcp-framework")
OURS = (str(PROGRAMS / "mcp-scaffold"), "new", "notes", "--defaults", "--no-prove", "--no-git", "-d", "transport=http")
UVICORN = (".venv/bin/uvicorn", "asgi:application", "--port", "{port}", "--lifespan", "on")
DEVELOPMENT = {"MCP_ENVIRONMENT": "development", "MCP_PORT": "{port}"}

CREATE_MCP_OAUTH = Peer(
    "create-mcp 0.2.0",
    "--auth oauth",
    render=(*CREATE_MCP, "--auth", "oauth"),
    start=(UV, "run", "notes"),
    environment={
        "MCP_PORT": "{port}",
        "MCP_BASE_URL": "{base}",
        "MCP_OAUTH_ISSUER": "{issuer}",
        "MCP_OAUTH_JWKS_URI": "{keys}",
        "MCP_OAUTH_AUDIENCE": "{url}",
    },
    with_token=True,
)
PEERS = (
    Peer(
        "create-mcp 0.2.0",
        "its defaults",
        render=CREATE_MCP,
        start=(UV, "run", "notes"),
        environment={"MCP_PORT": "{port}"},
    ),
    CREATE_MCP_OAUTH,
    Peer(
        "remote-mcp 1.0.0",
        "its defaults, --auth-mode passthrough",
        render=REMOTE_MCP,
        install=IN_PLACE,
        start=UVICORN,
        environment={"MCP_PUBLIC_URL": "{url}", "OAUTH_ISSUER_URL": "{issuer}"},
        with_token=True,
    ),
    Peer(
        "remote-mcp 1.0.0",
        "--auth-mode none",
        render=(*REMOTE_MCP, "--auth-mode", "none"),
        install=IN_PLACE,
        start=UVICORN,
        environment={"AUTH_MODE": "none", "MCP_PUBLIC_URL": "{url}"},
    ),
    Peer(
        "remote-mcp 1.0.0",
        "--auth-mode jwt",
        render=(*REMOTE_MCP, "--auth-mode", "jwt"),
        install=IN_PLACE,
        start=UVICORN,
        environment={
            "AUTH_MODE": "jwt",
            "MCP_PUBLIC_URL": "{url}",
            "OAUTH_ISSUER_URL": "{issuer}",
            "OAUTH_JWKS_URL": "{keys}",
            "JWT_AUDIENCE": "{url}",
        },
        with_token=True,
    ),
    Peer(
        "mcp-anvil 0.2.0",
        "--lang python --transport http",
        render=MCP_ANVIL,
        install=IN_PLACE,
        start=(".venv/bin/python", "-m", "notes.server"),
    ),
    Peer(
        "mcp-framework 0.2.22 (npm)",
        "create --http",
        render=(*MCP_FRAMEWORK, "create", "notes", "--http", "--port", "{port}"),
        start=("node", "dist/index.js"),
    ),
    Peer(
        "mcp-scaffold, this checkout",
        "auth_provider=none",
        render=(*OURS, "-d", "auth_provider=none"),
        start=(UV, "run", "--quiet", "--locked", "notes"),
        environment=DEVELOPMENT,
    ),
    Peer(
        "mcp-scaffold, this checkout",
        "auth_provider=oidc",
        render=(*OURS, "-d", "auth_provider=oidc", "-d", "auth_issuer=https://id.example.com"),
        start=(UV, "run", "--quiet", "--locked", "notes"),
        environment={**DEVELOPMENT, "MCP_AUTH_ISSUER": "{issuer}"},
        with_token=True,
    ),
)
