"""YAML as people write it, and as the template declares its questions in it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from scaffold.errors import RefusedError

if TYPE_CHECKING:
    from yaml import SafeLoader
else:
    # libyaml, where the installed PyYAML has it, is about ten times faster.
    SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_JOINED = {"_exclude", "_skip_if_exists"}


class _DeclarationLoader(SafeLoader):
    """Follows `!include`, as Copier does."""


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
    try:
        return parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RefusedError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise RefusedError(f"{path} cannot be read: it is not UTF-8.") from error
    except ValueError as error:
        raise RefusedError(f"{path} cannot be read: it is {error}.") from error


@cache
def read_declarations(path: Path) -> dict[str, Any]:
    """Read `copier.yml` as Copier does: its documents merged and some lists joined, `!include` followed."""
    with path.open("rb") as file:
        documents = [document for document in yaml.load_all(file, Loader=_DeclarationLoader) if document]
    merged: dict[str, Any] = {}
    for document in documents:
        joined = {key: [*merged.get(key, ()), *document[key]] for key in _JOINED & document.keys()}
        merged |= document | joined
    return merged


def _include(loader: _DeclarationLoader, node: yaml.ScalarNode) -> object:
    del loader
    return read_declarations(Path(node.start_mark.name).parent / node.value)


_DeclarationLoader.add_constructor("!include", _include)
