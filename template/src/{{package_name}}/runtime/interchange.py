# Managed by the template; updates merge into this file.
"""JSON that every reader reads alike (I-JSON, RFC 7493)."""

import json
from math import isfinite
from typing import Any

from pydantic_core import to_json


def read_json(text: bytes) -> Any:
    """The value of a JSON text, 5.0 the `int` 5 (JSON Schema 2020-12, 6.1.1); `ValueError` for what is read in two ways."""
    try:
        value = _DECODER.decode(text.decode())
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    if rb"\u" in text:
        to_json(value)  # It fails with what only an escape can write: half of a surrogate pair (RFC 7493 section 2.1).
    return value


def _read_members(members: list[tuple[str, Any]]) -> dict[str, Any]:
    named = dict(members)
    if len(named) < len(members):
        raise ValueError("an object names a member twice")
    return named


def _read_number(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError("a number is beyond what a reader may hold")
    return int(number) if number.is_integer() else number


_DECODER = json.JSONDecoder(object_pairs_hook=_read_members, parse_float=_read_number, parse_constant=_read_number)
