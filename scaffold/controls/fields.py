"""Fields of YAML documents, with the lines where they stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from yaml import SafeLoader
else:
    SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Document:
    """One document as nodes, which know their lines, and as values."""

    node: yaml.Node
    value: object


def parse(text: str) -> list[Document]:
    """The documents of a YAML text.

    Raises:
        ValueError: The text is no YAML.
    """
    try:
        return [Document(node, _value(node)) for node in yaml.compose_all(text, Loader=SafeLoader)]
    except yaml.YAMLError as error:
        raise ValueError(f"not YAML: {str(error).partition(chr(10))[0]}") from error


def problems(documents: list[Document], requirement: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """Where a field does not have what is required, or why there is none.

    Args:
        documents: The documents of one file.
        requirement: Holds `field`, maybe `kind`, and `is` or `holds`.
    """
    path, kind = [str(step) for step in requirement["field"]], requirement.get("kind")
    words = ".".join(path)
    chosen = [document for document in documents if kind is None or _kind(document) == kind]
    reached = [place for document in chosen for place in _walk(document.node, path)]
    if not reached:
        yield 1, f"{words} is missing"
    for node, rest in reached:
        line = node.start_mark.line + 1
        if rest:
            yield line, f"{words} is missing"
        elif not _fits(_value(node), requirement):
            yield line, f"{words} must {_words(requirement)}"


def _walk(node: yaml.Node, path: list[str]) -> Iterator[tuple[yaml.Node, list[str]]]:
    """The nodes that a path reaches; what is left of the path, with the last node of it, where one is missing."""
    if not path:
        yield node, []
        return
    step, rest = path[0], path[1:]
    name, _, pattern = step.partition("=")
    if step == "*":
        chosen = _items(node)
    elif pattern:
        chosen = [item for item in _items(node) if any(fnmatch(text, pattern) for text in _texts(item, name))]
    else:
        chosen = [value for key, value in _entries(node) if key.value == step]
        if not chosen:
            yield node, path
    for item in chosen:
        yield from _walk(item, rest)


def _texts(item: yaml.Node, name: str) -> list[str]:
    return [value.value for key, value in _entries(item) if key.value == name and isinstance(value, yaml.ScalarNode)]


def _items(node: yaml.Node) -> list[yaml.Node]:
    return list(node.value) if isinstance(node, yaml.SequenceNode) else [value for _, value in _entries(node)]


def _entries(node: yaml.Node) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
    """The entries of a mapping, those that it merges (`<<`) included."""
    if not isinstance(node, yaml.MappingNode):
        return []
    merged = [entry for key, value in node.value if key.tag.endswith(":merge") for entry in _entries(value)]
    return [*((key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode)), *merged]


def _kind(document: Document) -> object:
    return document.value.get("kind") if isinstance(document.value, dict) else None


def _value(node: yaml.Node) -> object:
    loader = SafeLoader("")
    try:
        value: object = loader.construct_document(node)
        return value
    finally:
        loader.dispose()


def _fits(value: object, requirement: Mapping[str, Any]) -> bool:
    if "holds" in requirement:
        return isinstance(value, list) and all(item in value for item in requirement["holds"])
    return "is" not in requirement or value == requirement["is"]


def _words(requirement: Mapping[str, Any]) -> str:
    if "holds" in requirement:
        return f"hold {', '.join(map(str, requirement['holds']))}"
    return f"be {requirement['is']!r}"
