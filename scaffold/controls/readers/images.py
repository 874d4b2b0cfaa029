"""A Dockerfile: its stages, and the image that the last of them makes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import yaml

from scaffold.controls import nodes
from scaffold.controls.fields import Document
from scaffold.controls.readers import scripts

Instruction = tuple[int, str, str]
"""A line, the instruction's name in capitals, and its arguments."""


def read(text: str) -> list[Document]:
    """A document `Stage` for each stage, and `Image` for the last.

    A stage has, under an instruction's name in small letters, the arguments of each time that it is given; an image
    has those of the last time, which is what takes effect, and all its `copies`.
    """
    stages: list[list[Instruction]] = []
    for instruction in _instructions(text):
        if instruction[1] == "FROM":
            stages.append([])
        if stages:
            stages[-1].append(instruction)
    documents = [Document("Stage", str(number), _stage(stage)) for number, stage in enumerate(stages, 1)]
    return [*documents, *(Document("Image", "", _image(stage)) for stage in stages[-1:])]


def _instructions(text: str) -> Iterator[Instruction]:
    for line, instruction in scripts.commands(text, 1):
        name, _, arguments = instruction.partition(" ")
        yield line, name.upper(), arguments


def _stage(instructions: list[Instruction]) -> yaml.Node:
    by_name = sorted(instructions, key=lambda one: one[1])
    grouped = [(name, list(group)) for name, group in groupby(by_name, key=lambda one: one[1])]
    entries = [
        (name.lower(), nodes.sequence((nodes.scalar(arguments, line) for line, _, arguments in group), group[0][0]))
        for name, group in grouped
    ]
    return nodes.mapping(entries, instructions[0][0])


def _image(instructions: list[Instruction]) -> yaml.Node:
    last = {name.lower(): nodes.scalar(arguments, line) for line, name, arguments in instructions}
    copies = [nodes.scalar(arguments, line) for line, name, arguments in instructions if name == "COPY"]
    line = instructions[0][0]
    return nodes.mapping([*last.items(), ("copies", nodes.sequence(copies, line))], line)
