"""YAML as people write it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import yaml

from scaffold.errors import RefusedError

if TYPE_CHECKING:
    from yaml import SafeLoader
else:
    # libyaml, where the installed PyYAML has it, is about ten times faster.
    SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

__all__ = ["JsonValue", "SafeLoader", "parse", "read"]

JsonValue: TypeAlias = Any
"""What JSON can hold, from a peer that may send anything."""


def parse(text: str) -> object:
    """Read one YAML value.

    Raises:
        ValueError: The text is no YAML; the message says where.
    """
    try:
        return yaml.load(text, Loader=SafeLoader)  # noqa: S506 -- a safe loader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        raise ValueError(f"not YAML in line {mark.line + 1}" if mark else "not YAML") from error


def read(path: Path) -> object:
    """Read a person's YAML file.

    Raises:
        RefusedError: It cannot be read, or is no YAML.
    """
    text = read_text(path)
    try:
        return parse(text)
    except ValueError as error:
        raise RefusedError(f"{path} cannot be read: it is {error}.") from error


def read_text(path: Path) -> str:
    """Read a person's file.

    Raises:
        RefusedError: It cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise RefusedError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise RefusedError(f"{path} cannot be read: it is not UTF-8.") from error
