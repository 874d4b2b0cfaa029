"""Arguments made from a tool's own schema: the smallest that it accepts, and ones that it must refuse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scaffold.documents import JsonValue
from scaffold.proof.wire import Message, header_value
from scaffold.rendered.proof_settings import GivenCall

UNKNOWN_ARGUMENT = "not_an_argument_of_this_tool"
DEEPEST = 8
NONE_READS = "no listed tool says that it only reads (readOnlyHint), so none is called"


@dataclass(frozen=True)
class Call:
    """A call for a proof: of a tool, with arguments that a person gave, or that its schema suggests."""

    tool: Message
    arguments: Mapping[str, JsonValue]
    given: bool = False

    @property
    def name(self) -> str:
        """The tool's name."""
        return str(self.tool.get("name", ""))

    def trouble(self, result: Message) -> str:
        """What is wrong with a result, if anything: a tool's own error is no fault of the server that passed it on.

        Of the arguments that a schema suggests nobody knows whether they make sense; those that a person gave have to.
        """
        if not result:
            return "no result"
        return "tool error" if self.given and result.get("isError") else ""


def choose(tools: Sequence[Message], given: GivenCall | None) -> Call | None:
    """The call that a person gave, or else one of a tool that only reads, with the fewest required arguments.

    Returns:
        None when no tool says that it only reads: nothing else may be called on somebody's server.

    Raises:
        LookupError: The given tool is not listed.
    """
    if given is not None:
        for tool in tools:
            if tool.get("name") == given.tool:
                return Call(tool, given.arguments, given=True)
        raise LookupError(f"proof.yaml calls {given.tool}, which the server does not list")
    readers = [tool for tool in tools if (tool.get("annotations") or {}).get("readOnlyHint") is True]
    if not readers:
        return None
    tool = min(readers, key=lambda tool: len(schema(tool).get("required", [])))
    return Call(tool, arguments(tool))


def schema(tool: Message) -> Message:
    """A tool's input schema, empty when it has none."""
    found = tool.get("inputSchema")
    return found if isinstance(found, dict) else {}


def arguments(tool: Message) -> dict[str, Any]:
    """The required arguments, each with the plainest value that its schema allows."""
    root = schema(tool)
    properties = root.get("properties", {})
    return {name: value(properties.get(name, {}), root) for name in root.get("required", [])}


def value(part: Message, root: Message, depth: int = 0) -> JsonValue:
    """The plainest value of one schema."""
    part = _resolved(part, root)
    for key in ("const", "default"):
        if key in part:
            return part[key]
    for key in ("enum", "examples"):
        if part.get(key):
            return part[key][0]
    for key in ("anyOf", "oneOf", "allOf"):
        if part.get(key) and depth < DEEPEST:
            return value(part[key][0], root, depth + 1)
    return _plain(part, root, depth)


def _plain(part: Message, root: Message, depth: int) -> JsonValue:
    match _type(part):
        case "integer" | "number":
            return max(part.get("minimum", 1), part.get("exclusiveMinimum", 0) + 1)
        case "boolean":
            return False
        case "array":
            count = part.get("minItems", 0) if depth < DEEPEST else 0
            return [value(part.get("items", {}), root, depth + 1) for _ in range(count)]
        case "object":
            needed = part.get("required", []) if depth < DEEPEST else []
            return {name: value(part.get("properties", {}).get(name, {}), root, depth + 1) for name in needed}
        case "null":
            return None
        case _:
            return "a" * max(part.get("minLength", 1), 1)


def _type(part: Message) -> str:
    kind = part.get("type", "string")
    return str(kind[0]) if isinstance(kind, list) and kind else str(kind)


def _resolved(part: Message, root: Message) -> Message:
    """Follow references into the schema itself (`#/$defs/…`), and nowhere else."""
    for _ in range(DEEPEST):
        reference = part.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return part
        found: Any = root
        for step in reference[2:].split("/"):
            found = found.get(step, {}) if isinstance(found, dict) else {}
        part = found
    return part


def of_wrong_type(tool: Message) -> tuple[str, Any] | None:
    """An argument and a value that only a coercing server takes, or None when the tool has nothing to coerce."""
    root = schema(tool)
    as_text = {"integer": "1", "number": "1.5", "boolean": "true"}
    others: tuple[str, Any] | None = None
    for name, part in sorted(root.get("properties", {}).items()):
        kinds = {_type(_resolved(choice, root)) for choice in part.get("anyOf", [part])}
        for kind in sorted(kinds & set(as_text)):
            if "string" not in kinds:
                return name, as_text[kind]
        if kinds <= {"string", "null"}:
            others = others or (name, 1)
    return others


def parameter_headers(root: Message, given: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The `Mcp-Param-*` headers that a schema's `x-mcp-header` asks for."""
    return [(f"Mcp-Param-{token}", header_value(text)) for token, text in _annotated(root, given)]


def _annotated(part: Message, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, child in part.get("properties", {}).items():
        present = given.get(name)
        if present is None or not isinstance(child, dict):
            continue
        if isinstance(present, dict):
            yield from _annotated(child, present)
        elif isinstance(token := child.get("x-mcp-header"), str):
            yield token, str(present).lower() if isinstance(present, bool) else str(present)
