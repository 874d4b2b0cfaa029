"""Fields of documents, and what they must be."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any

import yaml

from scaffold.controls import nodes
from scaffold.controls.catalogue import Requirement

Problem = tuple[str, int, str]
"""A file, empty where none is to blame, a line of it, counted from one, and what is wrong there."""


@dataclass(frozen=True)
class Document:
    """One thing that a file describes: a Kubernetes object, a job, a block of Terraform, a stage of an image.

    Attributes:
        kind: What it is, such as `Deployment` or `aws_security_group`; empty where the file has one thing only.
        name: Its name among its kind.
        file: Where it stands.
    """

    kind: str
    name: str
    node: yaml.Node
    file: str = ""

    def problem(self, node: yaml.Node, words: str) -> Problem:
        """A problem at one of its nodes."""
        named = f"{self.kind} {self.name}".strip()
        return self.file, nodes.line_of(node), f"{named}: {words}" if self.kind else words


def plain(text: str) -> list[Document]:
    """The documents of a YAML text, each with its `kind` and the name of its metadata.

    Raises:
        ValueError: The text is no YAML.
    """
    return [
        Document(nodes.text_of(node, "kind"), nodes.text_of(node, "metadata", "name"), node)
        for node in nodes.compose(text)
    ]


def chosen(documents: list[Document], requirement: Requirement) -> list[Document]:
    """The documents that a requirement speaks of: of its `kind`, of its `name`, but for those that it `excepts`.

    Without a kind it speaks of the file itself, where that is one thing, or of all that the file describes.
    """
    whole = "" if any(not document.kind for document in documents) else None
    kind, name, excepted = requirement.get("kind", whole), requirement.get("name"), requirement.get("excepts", ())
    return [
        document
        for document in documents
        if kind in (None, document.kind) and name in (None, document.name) and document.name not in excepted
    ]


def problems(documents: list[Document], requirement: Requirement) -> Iterator[Problem]:
    """Find fields that are missing, or have another value than the requirement says.

    Args:
        documents: Those of a file, a folder or an overlay; one that the requirement speaks of must be there.
        requirement: Holds `field`, and maybe a condition: `is`, `holds`, `only`, `least`, `like`, `unlike`. Where it
            `excepts` some, there may be no others.
    """
    path = [str(step) for step in requirement["field"]]
    words = ".".join(path)
    optional = "excepts" in requirement or any(step.endswith("?") for step in path)
    found = chosen(documents, requirement)
    reached = [(document, *place) for document in found for place in _walk(document.node, path)]
    if not found and not optional:
        yield "", 1, f"{_named(requirement)} is missing"
    elif not reached and not optional:
        yield found[0].problem(found[0].node, f"{words} is missing")
    for document, node, rest in reached:
        if rest:
            yield document.problem(node, f"{words} is missing")
        elif unmet := _unmet(nodes.value_of(node), requirement):
            yield document.problem(node, f"{words} must {unmet}")


def present(documents: list[Document], requirement: Requirement) -> Iterator[Problem]:
    """Find documents that must not be there."""
    for document in chosen(documents, requirement):
        yield document.problem(document.node, f"{_named(requirement)} must not be here")


def _named(requirement: Requirement) -> str:
    """The subject of a requirement, in words."""
    return " ".join(str(requirement[key]) for key in ("kind", "name") if key in requirement) or str(
        requirement.get("field")
    )


def _walk(node: yaml.Node, path: list[str]) -> Iterator[tuple[yaml.Node, list[str]]]:
    """Yield the nodes that a path reaches, each with an empty path.

    Where a step leads nowhere, yield the last node before it, with the rest of the path.
    """
    if not path:
        yield node, []
        return
    step, rest = path[0].removesuffix("?"), path[1:]
    name, _, pattern = step.partition("=")
    if step == "*":
        found = nodes.items(node)
    elif pattern:
        found = [item for item in nodes.items(node) if fnmatch(nodes.text_of(item, name), pattern)]
    else:
        found = [value for key, value in nodes.entries(node) if key.value == step]
        if not found and not path[0].endswith("?"):
            yield node, path
    for item in found:
        yield from _walk(item, rest)


def _unmet(value: object, requirement: Requirement) -> str:
    """The condition that a value does not meet, in words; empty if it meets all."""
    for word, condition in requirement.items():
        if word in CONDITIONS:
            meets, words = CONDITIONS[word]
            if not meets(value, condition):
                return words.format(condition)
    return ""


def _holds(value: object, wanted: Sequence[object]) -> bool:
    return isinstance(value, list | dict) and all(item in value for item in wanted)


def _only(value: object, allowed: Sequence[object]) -> bool:
    return all(item in allowed for item in value) if isinstance(value, list | dict) else value in allowed


def _at_least(value: object, least: float) -> bool:
    try:
        return float(str(value)) >= least
    except ValueError:
        return False


CONDITIONS: Mapping[str, tuple[Callable[[object, Any], bool], str]] = {
    "is": (lambda value, wanted: value == wanted, "be {!r}"),
    "holds": (_holds, "hold {}"),
    "only": (_only, "hold nothing but {}"),
    "least": (_at_least, "be {} or more"),
    "like": (lambda value, pattern: re.fullmatch(pattern, str(value), re.DOTALL) is not None, "be like {!r}"),
    "unlike": (lambda value, pattern: re.fullmatch(pattern, str(value), re.DOTALL) is None, "not be like {!r}"),
}
