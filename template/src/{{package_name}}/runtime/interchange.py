# Managed by the template; updates merge into this file.
"""JSON that every reader reads alike (I-JSON, RFC 7493)."""

import re
from math import isfinite
from typing import Any

from pydantic_core import from_json

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


def read_json(text: bytes) -> Any:
    """The value of a JSON text; a whole number is an `int` however it is written (JSON Schema 2020-12, 6.1.1).

    Raises:
        ValueError: it is not JSON, has a number beyond all floats, or an object that names a member twice (section 2.3).
    """
    value = from_json(text, allow_inf_nan=False)
    if isinstance(value, dict | list):
        members = _settle(value)
        # Each name stands before a colon; those in texts are looked for only where the numbers differ.
        if members != text.count(b":") and members != _STRING.sub(b"", text).count(b":"):
            raise ValueError("an object names a member twice")
    return value


def _settle(value: dict[str, Any] | list[Any]) -> int:
    """Make whole numbers `int` in place; how many members all objects have."""
    held: Any = value
    places, members = (value.items(), len(value)) if isinstance(value, dict) else (enumerate(value), 0)
    for place, item in places:
        if isinstance(item, dict | list):
            members += _settle(item)
        elif isinstance(item, float):
            if not isfinite(item):
                raise ValueError("a number is beyond what a reader may hold")
            if item.is_integer():
                held[place] = int(item)
    return members
