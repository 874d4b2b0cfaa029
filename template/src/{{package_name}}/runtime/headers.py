# Managed by the template; updates merge into this file.
"""Request headers, read so that two parties cannot read them differently."""

from starlette.types import Scope

from .refused import Refused


def single_header(scope: Scope, name: bytes, code: int | None = None) -> str | None:
    """The value of a header that may stand once, or None.

    Raises:
        Refused: 400, with that code if one is given, it stands more than once.
    """
    values = [value for key, value in scope["headers"] if key == name]
    if len(values) > 1:
        raise Refused(400, "repeated_header", f"The {name.decode()} header must not be repeated.", code)
    return values[0].decode("latin-1") if values else None
