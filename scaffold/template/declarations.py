"""`copier.yml` and the files beside it, read as Copier reads them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from scaffold.documents import SafeLoader

_JOINED = {"_exclude", "_skip_if_exists"}


class _DeclarationLoader(SafeLoader):
    """Follows `!include`, as Copier does."""


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
