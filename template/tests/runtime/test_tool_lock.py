# Managed by the template; updates merge into this file.
"""Your tools are what `tools.lock.json` promises, and say nothing that a person does not see."""

import copy
import json
from typing import Any

import pytest
from tool_lock import HIDDEN, LOCK, changes, secrets_in_headers, served_tools, texts_of

ARGUMENT = {"type": "integer", "minimum": 1, "maximum": 10}
TOOL: dict[str, Any] = {
    "title": "Look",
    "description": "Look.",
    "annotations": {"readOnlyHint": True},
    "scopes": ["mcp:read"],
    "input": {"properties": {"limit": ARGUMENT}, "required": []},
    "output": {"properties": {"text": {"type": "string"}}, "required": ["text"]},
}


def changed(path: str, value: Any) -> list[str]:
    """What is said when one place of a tool is another."""
    tool = copy.deepcopy(TOOL)
    *parents, last = path.split("/")
    place = tool
    for parent in parents:
        place = place[parent]
    place[last] = value
    return list(changes({"look": TOOL}, {"look": tool}))


@pytest.mark.control("TOOL-01")
def test_the_tools_are_what_the_lock_promises() -> None:
    if not LOCK.exists():
        pytest.skip("uv run poe lock-tools writes the lock")
    found = list(changes(json.loads(LOCK.read_text(encoding="utf-8")), served_tools()))
    assert not found, "review these, and accept them with: uv run poe lock-tools"


@pytest.mark.control("TOOL-02")
def test_no_tool_says_what_a_person_does_not_see() -> None:
    hidden = [text for text in texts_of(served_tools()) if HIDDEN.search(text)]
    assert not hidden, "these carry invisible characters"


@pytest.mark.control("TOOL-02")
@pytest.mark.parametrize("character", ["\u200b", "\u202e", "\u061c", "\U000e0041", "\U000e0101", "\x1b"])
def test_a_hidden_character_is_seen(character: str) -> None:
    assert [text for text in texts_of({"look": {"a": [f"Look{character}."]}}) if HIDDEN.search(text)]


@pytest.mark.control("TOOL-04")
def test_no_tool_lets_a_secret_travel_in_a_header() -> None:
    assert not secrets_in_headers(served_tools())


@pytest.mark.control("TOOL-04")
def test_a_secret_in_a_header_is_seen() -> None:
    told = {name: {"type": "string", "x-mcp-header": name} for name in ("region", "api_key")}
    assert secrets_in_headers({"look": {"input": {"type": "object", "properties": told}}}) == ["look: api_key"]


@pytest.mark.control("TOOL-01")
def test_a_removed_tool_breaks_and_a_new_one_does_not() -> None:
    assert list(changes({"look": TOOL}, {"see": TOOL})) == ["breaking: look is gone", "see is new"]


@pytest.mark.control("TOOL-01")
@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("scopes", ["mcp:read", "mcp:write"]),
        ("input/properties", {}),
        ("input/required", ["limit"]),
        ("input/properties/limit", {**ARGUMENT, "type": "string"}),
        ("input/properties/limit", {**ARGUMENT, "maximum": 9}),
        ("input/properties/limit", {**ARGUMENT, "multipleOf": 2}),
        ("output/properties", {}),
        ("output/properties/text", {"type": "integer"}),
        ("output/required", []),
    ],
)
def test_what_breaks_a_client_is_called_breaking(path: str, value: Any) -> None:
    (said,) = changed(path, value)
    assert said.startswith("breaking: look: ")


@pytest.mark.control("TOOL-01")
@pytest.mark.parametrize(
    ("path", "value"),
    [
        *(("title", None), ("description", "Look closely."), ("annotations", {"readOnlyHint": False})),
        ("scopes", []),
        ("input/properties/page", {"type": "integer"}),
        ("input/properties/limit", {**ARGUMENT, "maximum": 11}),
        ("input/properties/limit", {**ARGUMENT, "description": "How many."}),
        ("output/properties/count", {"type": "integer"}),
    ],
)
def test_what_breaks_nobody_is_not(path: str, value: Any) -> None:
    (said,) = changed(path, value)
    assert said.startswith("look: ")
