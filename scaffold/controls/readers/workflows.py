"""GitHub's workflows: the workflow as it stands, and its jobs with what takes effect in each."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from scaffold.controls import nodes
from scaffold.controls.fields import Document
from scaffold.controls.readers import scripts


def read(text: str) -> list[Document]:
    """The workflow, and a `Job` for each job.

    A job's `permissions` are those in effect, with `default` where neither it nor its workflow names any. Its `steps`
    have a `command` each: a line of what is run, or `uses NAME key=value …`.

    Raises:
        ValueError: The text is no YAML.
    """
    documents = []
    for workflow in nodes.compose(text):
        documents.append(Document("", nodes.text_of(workflow, "name"), workflow))
        for key, job in nodes.entries(nodes.find(workflow, "jobs")):
            documents.append(Document("Job", key.value, _effective(job, workflow)))
    return documents


def _effective(job: yaml.Node, workflow: yaml.Node) -> yaml.Node:
    permissions = nodes.find(job, "permissions") or nodes.find(workflow, "permissions")
    steps = [step for one in nodes.items(nodes.find(job, "steps")) for step in _commands(one)]
    return nodes.replaced(
        job,
        defaults=nodes.find(job, "defaults") or nodes.find(workflow, "defaults"),
        permissions=permissions or nodes.scalar("default", nodes.line_of(job)),
        steps=nodes.sequence(steps, nodes.line_of(job)),
        tolerated=nodes.find(job, "continue-on-error"),
    )


def _commands(step: yaml.Node) -> Iterator[yaml.Node]:
    tolerated = nodes.find(step, "continue-on-error")
    for line, command in [*_used(step), *script_of(nodes.find(step, "run"))]:
        yield nodes.replaced(step, command=nodes.scalar(command, line), tolerated=tolerated)


def _used(step: yaml.Node) -> Iterator[tuple[int, str]]:
    if name := nodes.text_of(step, "uses"):
        given = sorted(f"{key.value}={nodes.value_of(value)}" for key, value in nodes.entries(nodes.find(step, "with")))
        yield nodes.line_of(step), " ".join(["uses", name.partition("@")[0], *given])


def script_of(node: yaml.Node | None) -> Iterator[tuple[int, str]]:
    """The commands of a script in YAML, with their lines."""
    if isinstance(node, yaml.ScalarNode):
        yield from scripts.commands(node.value, nodes.line_of(node) + (node.style == "|"))
