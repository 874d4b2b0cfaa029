"""Terraform's files: each block as a document. What is an expression stays its text.

No library is fast enough for a check that takes no time: python-hcl2 needs three seconds to know its grammar.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import yaml

from scaffold.controls import nodes
from scaffold.controls.fields import Document

SPACE = re.compile(r"(?:\s|#[^\n]*|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
BLANK = re.compile(r"[ \t]*")
NAME = re.compile(r"[A-Za-z_][\w-]*|\"(?:[^\"\\]|\\.)*\"")
HEREDOC = re.compile(r"<<-?(\w+)\n.*?\n[ \t]*\1(?=\n)", re.DOTALL)
CLOSING = {"(": ")", "[": "]", "{": "}"}


def read(text: str) -> list[Document]:
    """The blocks of a file: a resource by its type and name, anything else by its kind and labels.

    A statement of a policy that allows is a `Grant` too. Nested blocks are lists, as one may stand several times. Lists
    and objects are read where they stand as such, in `jsonencode(…)` and `merge(…)` as well.

    Raises:
        ValueError: The text is no HCL that is well formed.
    """
    source = _Source(text)
    documents = [_document(labels, body) for labels, body in source.blocks()]
    return [*documents, *(grant for document in documents for grant in _grants(document))]


def _grants(document: Document) -> list[Document]:
    if document.kind != "data.aws_iam_policy_document":
        return []
    statements = nodes.items(nodes.find(document.node, "statement"))
    allowing = [statement for statement in statements if nodes.text_of(statement, "effect") != "Deny"]
    return [Document("Grant", document.name, statement) for statement in allowing]


def _document(labels: list[str], body: yaml.Node) -> Document:
    match labels:
        case ["resource", kind, name]:
            return Document(kind, name, body)
        case ["data", kind, name]:
            return Document(f"data.{kind}", name, body)
        case _:
            return Document(labels[0], ".".join(labels[1:]), body)


@dataclass
class _Source:
    """A text that is read from its beginning to its end."""

    text: str
    at: int = 0

    @property
    def line(self) -> int:
        return self.text.count("\n", 0, self.at) + 1

    def blocks(self) -> list[tuple[list[str], yaml.Node]]:
        found = []
        while self._skip(SPACE) < len(self.text):
            labels = [self._name()]
            while not self._takes("{"):
                labels.append(self._name())
            found.append((labels, self._body()))
        return found

    def _body(self) -> yaml.Node:
        """Read the body of a block, after its opening brace."""
        line, attributes = self.line, list[tuple[str, yaml.Node]]()
        nested: dict[str, list[yaml.Node]] = {}
        while not self._takes("}"):
            labels = [self._name()]
            if self._takes("="):
                attributes.append((labels[0], self._expression("\n")))
                continue
            while not self._takes("{"):
                labels.append(self._name())
            name, body = self._nested(labels, self._body())
            nested.setdefault(name, []).append(body)
        blocks = [(name, nodes.sequence(bodies, nodes.line_of(bodies[0]))) for name, bodies in nested.items()]
        return nodes.mapping([*attributes, *blocks], line)

    @staticmethod
    def _nested(labels: list[str], body: yaml.Node) -> tuple[str, yaml.Node]:
        """Read a nested block, with its `label` if it has one; a dynamic block counts as what it generates."""
        name, *rest = labels
        if name == "dynamic" and rest:
            return rest[0], (nodes.items(nodes.find(body, "content")) or [body])[0]
        return name, nodes.replaced(body, label=nodes.scalar(rest[0], nodes.line_of(body))) if rest else body

    def _expression(self, ends: str) -> yaml.Node:
        """Read a value up to one of some characters, outside all brackets."""
        self._skip(BLANK)
        begin, line = self.at, self.line
        value = self._structure()
        after = self.at
        self._skip(BLANK)
        if value is not None and self.text[self.at : self.at + 1] in (*ends, *"#,)]}\n", "/"):
            self._end(ends)
            return value
        self.at = after if value is not None else begin
        self._end(ends)
        return nodes.scalar(" ".join(self.text[begin : self.at].split()).strip('"'), line)

    def _structure(self) -> yaml.Node | None:
        """Read a literal list or object, also as the argument of a function that returns it."""
        for function in ("jsonencode(", "merge(", "compact("):
            if self.text.startswith(function, self.at):
                return self._arguments(function)
        if self.text.startswith(("[", "{"), self.at) and not re.match(r".\s*for\b", self.text[self.at : self.at + 80]):
            return self._list() if self.text[self.at] == "[" else self._object()
        return None

    def _arguments(self, function: str) -> yaml.Node:
        line = self.line
        self.at += len(function)
        given = []
        while not self._takes(")"):
            given.append(self._expression(",)"))
            self._takes(",")
        if function == "merge(":
            pairs = [(key.value, value) for one in given for key, value in nodes.entries(one)]
            return nodes.mapping(dict(pairs).items(), line)
        return given[0]

    def _list(self) -> yaml.Node:
        line, found = self.line, []
        self.at += 1
        while not self._takes("]"):
            found.append(self._expression(",]"))
            self._takes(",")
        return nodes.sequence(found, line)

    def _object(self) -> yaml.Node:
        line, found = self.line, []
        self.at += 1
        while not self._takes("}"):
            key = self._key()
            found.append((key, self._expression(",\n}")))
            self._takes(",")
        return nodes.mapping(found, line)

    def _key(self) -> str:
        self._skip(SPACE)
        begin = self.at
        while self.text[self.at : self.at + 1] not in ("=", ":"):
            self._pass()
        key = self.text[begin : self.at].strip().strip('"')
        self.at += 1
        return key

    def _end(self, ends: str) -> None:
        """Go to the end of an expression."""
        while self.at < len(self.text) and self.text[self.at] not in ends:
            if self.text[self.at] == "#" or self.text.startswith("//", self.at):
                if "\n" in ends:
                    return
                self.at = self.text.find("\n", self.at)
            else:
                self._pass()

    def _pass(self) -> None:
        """Skip one character, or a whole string, heredoc or pair of brackets."""
        if self.at >= len(self.text):
            raise ValueError("not HCL: it ends in the middle of a block")
        character = self.text[self.at]
        if heredoc := HEREDOC.match(self.text, self.at):
            self.at = heredoc.end()
        elif character == '"':
            self._string()
        elif character in CLOSING:
            self.at += 1
            while not self._takes(CLOSING[character]):
                self._pass()
        else:
            self.at += 1

    def _string(self) -> None:
        self.at += 1
        while not self.text.startswith('"', self.at):
            if self.at >= len(self.text):
                raise ValueError("not HCL: a string does not end")
            if self.text.startswith("${", self.at):
                self.at += 1
                self._pass()
            else:
                self.at += 2 if self.text.startswith("\\", self.at) else 1
        self.at += 1

    def _name(self) -> str:
        self._skip(SPACE)
        found = NAME.match(self.text, self.at)
        if not found:
            raise ValueError(f"not HCL: line {self.line} has no name where one is due")
        self.at = found.end()
        return found.group().strip('"')

    def _takes(self, character: str) -> bool:
        self._skip(SPACE)
        if self.at >= len(self.text):
            raise ValueError("not HCL: it ends in the middle of a block")
        taken = self.text.startswith(character, self.at)
        self.at += taken
        return taken

    def _skip(self, pattern: re.Pattern[str]) -> int:
        if found := pattern.match(self.text, self.at):
            self.at = found.end()
        return self.at
