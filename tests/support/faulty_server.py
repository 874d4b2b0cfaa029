"""A server whose tools fail in each way in which a tool can."""

from __future__ import annotations

from pathlib import Path

TOOLS = '''"""Tools that fail."""

import time
from typing import Any

import anyio
from mcp.server import MCPServer

from ..runtime.authoring import ShortText, ToolError, egress


async def crash() -> str:
    """Crash."""
    raise RuntimeError("a fault")


async def hang() -> str:
    """Take longer than a tool may."""
    await anyio.sleep(60)
    return "too late"


async def linger() -> str:
    """Take longer than the objective."""
    await anyio.sleep(0.3)
    return "slow"


async def block() -> str:
    """Keep the event loop."""
    time.sleep(0.6)
    return "blocked"


async def refuse() -> str:
    """Say what is wrong."""
    raise ToolError("not like this")


async def ask(url: ShortText) -> str:
    """Call another service."""
    return (await egress().request("POST", url)).text


def register(server: MCPServer[Any]) -> None:
    """Add the tools."""
    for tool in (crash, hang, linger, block, refuse, ask):
        server.add_tool(tool)
'''
RULES = """tools:
  crash: [mcp:read]
  hang: [mcp:read]
  linger: [mcp:read]
  block: [mcp:read]
  refuse: [mcp:read]
  ask: [mcp:read]
"""
OBJECTIVES = """availability: 0.999
latency: {seconds: 0.2, share: 0.99}
thresholds:
  saturation: 0.2
  authentication_failures_per_minute: 2
  denied_administrative_calls: 5
  keys_age_seconds: 2
  event_loop_lag_seconds: 0.25
"""


def make_faulty(repository: Path) -> None:
    """Give a rendered repository the tools, their rules, and objectives that are soon missed."""
    [package] = (path.parent.parent for path in repository.glob("src/*/runtime/__init__.py"))
    (package / "tools" / "faults.py").write_text(TOOLS, encoding="utf-8")
    policy = (repository / "policy.yaml").read_text(encoding="utf-8")
    (repository / "policy.yaml").write_text(policy.replace("tools:\n", RULES, 1), encoding="utf-8")
    (repository / "observability/objectives.yaml").write_text(OBJECTIVES, encoding="utf-8")
