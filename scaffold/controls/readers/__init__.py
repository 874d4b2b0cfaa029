"""Readers of what a repository builds, deploys and runs: each returns documents that describe the effective result."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import TypeAlias

from scaffold.controls import fields
from scaffold.controls.fields import Document
from scaffold.controls.readers import gitlab, images, scripts, terraform, workflows

Reader: TypeAlias = Callable[[str], list[Document]]

READERS: tuple[tuple[str, Reader], ...] = (
    ("Dockerfile", images.read),
    ("*.tf", terraform.read),
    (".github/workflows/*.yml", workflows.read),
    (".gitlab-ci.yml", gitlab.read),
    ("*.sh", scripts.read),
)


def reader_of(file: str) -> Reader:
    """How a file is read, by its path in the repository: YAML, unless a reader is there for it."""
    path = PurePosixPath(file)
    return next((reader for pattern, reader in READERS if path.match(pattern)), fields.plain)
