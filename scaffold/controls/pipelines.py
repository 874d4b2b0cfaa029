"""Checks that a pipeline's jobs run their commands, in order, and that a job fails when one of them does."""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from scaffold.controls import nodes
from scaffold.controls.catalogue import Requirement
from scaffold.controls.fields import Document, Problem, chosen

PASSES = re.compile(r"(^|[;&]\s*)(set \+(?:\w*e\w*|o errexit)|exit 0|trap .*exit 0.* EXIT)\s*($|;)")
"""What makes the commands around it succeed whatever happens."""


def problems(documents: list[Document], requirement: Requirement) -> Iterator[Problem]:
    """Where a job lacks one of the commands that it must run, or might not run it, or would not fail with it.

    Args:
        documents: Those of a pipeline; jobs have `steps` of `command`, and `if` where a step has a condition.
        requirement: Holds `name`, the job; `commands`, patterns of whole commands in their order; and maybe `if`, the
            one condition that the job or one of these steps may have.
    """
    jobs = chosen(documents, {"kind": "Job", "name": requirement["name"]})
    if not jobs:
        yield "", 1, f"the job {requirement['name']} is missing"
    for job in jobs:
        yield from (job.problem(*found) for found in _of_job(job.node, requirement))


def _of_job(job: yaml.Node, requirement: Requirement) -> Iterator[tuple[yaml.Node, str]]:
    allowed = ("", requirement.get("if", ""))
    yield from _conditions(job, allowed)
    steps = nodes.items(nodes.find(job, "steps"))
    rest = iter(steps)
    for pattern in requirement["commands"]:
        step = next((step for step in rest if re.fullmatch(pattern, nodes.text_of(step, "command"))), None)
        if step is None:
            yield job, f"no step runs {pattern!r}, in this order"
            return
        yield from _conditions(step, allowed)
    for step in steps:
        if PASSES.search(command := nodes.text_of(step, "command")):
            yield step, f"{command!r} lets the job pass whatever happens"


def _conditions(node: yaml.Node, allowed: tuple[str, str]) -> Iterator[tuple[yaml.Node, str]]:
    if (found := nodes.text_of(node, "if")) not in allowed:
        yield node, f"it must not depend on {found!r}"
    if nodes.text_of(node, "tolerated") not in ("", "false"):
        yield node, "its failure must fail the job"
    shells = (nodes.text_of(node, "shell"), nodes.text_of(node, "defaults", "run", "shell"))
    if any(shell not in ("", "bash") for shell in shells):
        yield node, "its shell must be GitHub's own, which ends at a failure"
