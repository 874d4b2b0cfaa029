# Managed by the template; updates merge into this file.
"""Argument types with limits, so that a bound is shorter to write than its absence."""

from typing import Annotated

from pydantic import Field

Identifier = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
"""A key of yours: letters, digits, hyphen and underscore."""
ShortText = Annotated[str, Field(min_length=1, max_length=200)]
"""A title, a name, a search phrase."""
LongText = Annotated[str, Field(min_length=1, max_length=10_000)]
"""A body of text."""
PageSize = Annotated[int, Field(ge=1, le=100)]
"""How many items a list returns at most."""
