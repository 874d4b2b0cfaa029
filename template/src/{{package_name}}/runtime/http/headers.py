# Managed by the template; updates merge into this file.
"""Request headers, read so that two parties cannot read them differently."""

from starlette.types import Scope

from .errors import RequestRefused


def single_headers(scope: Scope, *names: bytes, code: int | None = None) -> dict[str, str]:
    """The values of those of the named headers that are there; each may stand once.

    Raises:
        RequestRefused: 400, with that code if one is given, one stands more than once.
    """
    values: dict[str, str] = {}
    for header, value in scope["headers"]:
        if header in names:
            name = header.decode()
            if name in values:
                raise RequestRefused(400, "repeated_header", f"The {name} header must not be repeated.", code)
            values[name] = value.decode("latin-1").strip(" \t")
    return values
