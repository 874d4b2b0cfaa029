"""GitLab's pipeline: the file as it stands, and its jobs with what they extend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import yaml

from scaffold.controls import nodes
from scaffold.controls.fields import Document
from scaffold.controls.readers.workflows import script_of

NO_JOBS = {"include", "workflow", "stages", "default", "variables", "image", "services", "spec"}


def read(text: str) -> list[Document]:
    """The pipeline, and a `Job` for each job that is no template.

    A job has the keys of what it extends, and `steps` with the `command`s of its scripts.

    Raises:
        ValueError: The text is no YAML.
    """
    documents = []
    for pipeline in nodes.compose(text):
        documents.append(Document("", "", pipeline))
        jobs = {key.value: job for key, job in nodes.entries(pipeline) if key.value not in NO_JOBS}
        for name, job in jobs.items():
            if not name.startswith("."):
                documents.append(Document("Job", name, _effective(job, jobs)))
    return documents


def _effective(job: yaml.Node, jobs: Mapping[str, yaml.Node]) -> yaml.Node:
    whole = _extended(job, jobs)
    scripts = [nodes.find(whole, part) for part in ("before_script", "script")]
    steps = [step for script in scripts for step in _commands(script)]
    return nodes.replaced(
        whole, steps=nodes.sequence(steps, nodes.line_of(job)), tolerated=nodes.find(whole, "allow_failure")
    )


def _extended(job: yaml.Node, jobs: Mapping[str, yaml.Node]) -> yaml.Node:
    bases = nodes.find(job, "extends")
    names = nodes.texts(nodes.items(bases) or ([bases] if bases else []))
    whole: yaml.Node = nodes.mapping([], nodes.line_of(job))
    for base in (_extended(jobs[name], jobs) for name in names if name in jobs):
        whole = _merged(whole, base)
    return _merged(whole, job)


def _merged(base: yaml.Node | None, own: yaml.Node) -> yaml.Node:
    """Merge two jobs as `extends` does: mappings at every depth, anything else is replaced."""
    if not (isinstance(base, yaml.MappingNode) and isinstance(own, yaml.MappingNode)):
        return own
    entries = {key.value: value for key, value in nodes.entries(base)}
    entries |= {key.value: _merged(entries.get(key.value), value) for key, value in nodes.entries(own)}
    return nodes.mapping(entries.items(), nodes.line_of(own))


def _commands(script: yaml.Node | None) -> Iterator[yaml.Node]:
    for part in nodes.items(script) or ([script] if script else []):
        for line, command in script_of(part):
            yield nodes.mapping([("command", nodes.scalar(command, line))], line)
