"""Trees of values with their line numbers: PyYAML's nodes, also for formats that are not YAML."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import yaml

from scaffold.documents import SafeLoader


class _Loader(SafeLoader):
    """Ignores tags that belong to one program, such as Compose's `!reset`."""


def _untagged(loader: SafeLoader, _: str, node: yaml.Node) -> object:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    return loader.construct_sequence(node, deep=True) if isinstance(node, yaml.SequenceNode) else node.value


_Loader.add_multi_constructor("!", _untagged)

Entry = tuple[yaml.ScalarNode, yaml.Node]


def scalar(text: str, line: int) -> yaml.ScalarNode:
    """A text that stands in a line, counted from one."""
    return yaml.ScalarNode("tag:yaml.org,2002:str", text, *_marks(line))


def sequence(items: Iterable[yaml.Node], line: int) -> yaml.SequenceNode:
    """A list that begins in a line."""
    return yaml.SequenceNode("tag:yaml.org,2002:seq", list(items), *_marks(line))


def mapping(entries: Iterable[tuple[str, yaml.Node]], line: int) -> yaml.MappingNode:
    """A mapping that begins in a line."""
    pairs = [(scalar(key, line_of(value)), value) for key, value in entries]
    return yaml.MappingNode("tag:yaml.org,2002:map", pairs, *_marks(line))


def _marks(line: int) -> tuple[yaml.Mark, yaml.Mark]:
    mark = yaml.Mark("", 0, line - 1, 0, None, 0)
    return mark, mark


def compose(text: str) -> list[yaml.Node]:
    """The documents of a YAML text.

    Raises:
        ValueError: The text is no YAML.
    """
    try:
        return list(yaml.compose_all(text, Loader=SafeLoader))
    except yaml.YAMLError as error:
        raise ValueError(f"not YAML: {str(error).partition(chr(10))[0]}") from error


def line_of(node: yaml.Node) -> int:
    """The line where a node begins, counted from one."""
    return int(node.start_mark.line) + 1


def value_of(node: yaml.Node) -> object:
    """The value of a node."""
    loader = _Loader("")
    try:
        value: object = loader.construct_document(node)
        return value
    finally:
        loader.dispose()


def entries(node: yaml.Node | None) -> list[Entry]:
    """The entries of a mapping, those that it merges (`<<`) included; none of anything else."""
    if not isinstance(node, yaml.MappingNode):
        return []
    own = [(key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode) and not _merges(key)]
    names = {key.value for key, _ in own}
    merged = [entry for key, value in node.value if _merges(key) for entry in _merged(value)]
    return [*own, *(entry for entry in merged if entry[0].value not in names)]


def _merges(key: yaml.Node) -> bool:
    return bool(key.tag.endswith(":merge"))


def _merged(value: yaml.Node) -> list[Entry]:
    sources = value.value if isinstance(value, yaml.SequenceNode) else [value]
    return [entry for source in sources for entry in entries(source)]


def items(node: yaml.Node | None) -> list[yaml.Node]:
    """The items of a sequence, or the values of a mapping."""
    return list(node.value) if isinstance(node, yaml.SequenceNode) else [value for _, value in entries(node)]


def find(node: yaml.Node | None, *path: str) -> yaml.Node | None:
    """The node under these keys, if there is one."""
    for step in path:
        node = next((value for key, value in entries(node) if key.value == step), None)
    return node


def text_of(node: yaml.Node | None, *path: str) -> str:
    """The text under these keys, or an empty one."""
    found = find(node, *path)
    return str(found.value) if isinstance(found, yaml.ScalarNode) else ""


def replaced(node: yaml.Node, **values: yaml.Node | None) -> yaml.MappingNode:
    """A copy of a mapping with some entries replaced, or removed where the new value is None."""
    kept = [(key.value, value) for key, value in entries(node) if key.value not in values]
    given = ((key, value) for key, value in values.items() if value is not None)
    return mapping([*kept, *given], line_of(node))


def texts(nodes: Iterable[yaml.Node]) -> Iterator[str]:
    """The texts among some nodes."""
    return (node.value for node in nodes if isinstance(node, yaml.ScalarNode))
