"""A server of a person's own: tools that call an upstream, a dependency more, and nothing left of the example."""

from __future__ import annotations

import shutil
from pathlib import Path

TOOLS = '''"""Customers of the upstream."""

import os
from typing import Any

import humanize
from mcp.server import MCPServer
from mcp_types import ToolAnnotations

from ..runtime.authoring import ShortText, egress

READS = ToolAnnotations(read_only_hint=True)


async def list_customers() -> list[str]:
    """List all customers."""
    answer = await egress().request("GET", f"{os.environ['MCP_CUSTOMERS_URL']}/customers")
    return list(answer.json())


async def find_customer(name: ShortText) -> str:
    """Find a customer by name."""
    answer = await egress().request("GET", f"{os.environ['MCP_CUSTOMERS_URL']}/customers/{name}")
    return answer.text


async def count_customers() -> str:
    """Count the customers."""
    return humanize.intcomma(len(await list_customers()))


async def remove_customer(name: ShortText) -> bool:
    """Remove a customer."""
    answer = await egress().request("DELETE", f"{os.environ['MCP_CUSTOMERS_URL']}/customers/{name}")
    return answer.status_code == 204


def register(server: MCPServer[Any]) -> None:
    """Add the tools."""
    for tool in (list_customers, find_customer, count_customers):
        server.add_tool(tool, annotations=READS)
    server.add_tool(remove_customer)
'''

POLICY = """scopes:
  mcp:read: []
  mcp:admin: [mcp:read]
roles: {}
tools:
  list_customers: [mcp:read]
  find_customer: [mcp:read]
  count_customers: [mcp:read]
  remove_customer: [mcp:admin]
resources: {}
prompts: {}
"""

STAND_IN = '''"""Stands in for the upstream."""

import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Customers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'["ada", "grace"]')

    def log_message(self, *_: object) -> None:
        pass


HTTPServer(("127.0.0.1", int(sys.argv[1])), Customers).serve_forever()
'''

OWN_TEST = '''"""What the tools say."""

import asyncio
import os

from {package}.tools.customers import count_customers


def test_customers_are_counted() -> None:
    if "MCP_CUSTOMERS_URL" in os.environ:
        assert asyncio.run(count_customers()) == "2"
'''

PROOF = """env:
  MCP_CUSTOMERS_URL: http://127.0.0.1:{port}
  MCP_EGRESS_PRIVATE_HOSTS: 127.0.0.1
services:
  - command: python stand_in.py {port}
    ready: http://127.0.0.1:{port}/customers
call:
  tool: find_customer
  arguments: {{name: ada}}
"""


SETTINGS = """configMapGenerator:
  - name: {slug}-settings
    namespace: {slug}
    behavior: merge
    literals: [MCP_CUSTOMERS_URL=https://crm.example.com, MCP_EGRESS_ALLOWED_HOSTS=crm.example.com]
"""


def make_own(repository: Path) -> None:
    """Turn a rendered repository into one: it has yet to be locked, and has no `proof.yaml`."""
    (package,) = (path.parent.parent for path in repository.glob("src/*/runtime/__init__.py"))
    for part in ("tools", "resources", "prompts"):
        (package / part / "notes.py").unlink()
        shutil.rmtree(repository / "tests" / part, ignore_errors=True)
    (package / "notes.py").unlink()
    (package / "tools" / "customers.py").write_text(TOOLS, encoding="utf-8")
    (repository / "policy.yaml").write_text(POLICY, encoding="utf-8")
    (repository / "stand_in.py").write_text(STAND_IN, encoding="utf-8")
    (repository / "tests" / "tools").mkdir()
    test = OWN_TEST.format(package=package.name)
    (repository / "tests" / "tools" / "test_customers.py").write_text(test, encoding="utf-8")


def give_proof(repository: Path, port: int) -> None:
    """Write its `proof.yaml`, with a stand-in at this port."""
    (repository / "proof.yaml").write_text(PROOF.format(port=port), encoding="utf-8")


def give_settings(repository: Path, slug: str) -> None:
    """Say in its own overlay where its upstream is."""
    overlay = repository / "deploy/kubernetes/overlays/local/kustomization.yaml"
    overlay.write_text(overlay.read_text(encoding="utf-8") + SETTINGS.format(slug=slug), encoding="utf-8")
