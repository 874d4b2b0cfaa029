# Managed by the template; updates merge into this file.
"""Calls to other services: to allowed hosts at public addresses, bounded in time and size, and few to one that fails.

A tool writes `await egress().request("GET", "https://api.example.com/items")`; MCP_EGRESS_ALLOWED_HOSTS names the host.
"""

from functools import cache
from typing import TYPE_CHECKING

from ..settings import load_settings

if TYPE_CHECKING:
    from .client import Egress


class EgressRefusedError(Exception):
    """This server may not call there."""


class UpstreamFailedError(Exception):
    """The other service did not answer as it should."""


class EgressPausedError(Exception):
    """The other service kept failing, and is left alone for a while."""


@cache
def egress() -> "Egress":
    """The client of this process, made and loaded when a tool first needs it."""
    from .client import Egress

    return Egress(load_settings())
