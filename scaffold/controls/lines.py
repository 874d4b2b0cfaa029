"""Lines of a text file that must be there, or must not."""

from __future__ import annotations

import re
from collections.abc import Iterator


def missing(text: str, pattern: str) -> Iterator[tuple[int, str]]:
    """Find that no line matches the pattern as a whole; the problem is at the last line."""
    lines = text.splitlines()
    if not any(re.fullmatch(pattern, line) for line in lines):
        yield max(len(lines), 1), f"no line is like {pattern!r}"


def forbidden(text: str, pattern: str) -> Iterator[tuple[int, str]]:
    """Find every line that matches the pattern as a whole."""
    for number, line in enumerate(text.splitlines(), 1):
        if re.fullmatch(pattern, line):
            yield number, f"this line is like {pattern!r}, which must not be here"
