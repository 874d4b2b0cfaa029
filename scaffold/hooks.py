"""What runs around a render: `hooks/` of a checkout, which a wheel carries as `scaffold._hooks`."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hooks.lock import lock
    from hooks.next_steps import next_steps
    from hooks.repository import commit_all
else:
    _PACKAGE = "scaffold._hooks" if find_spec("scaffold._hooks") else "hooks"
    lock = import_module(f"{_PACKAGE}.lock").lock
    next_steps = import_module(f"{_PACKAGE}.next_steps").next_steps
    commit_all = import_module(f"{_PACKAGE}.repository").commit_all

__all__ = ["commit_all", "lock", "next_steps"]
