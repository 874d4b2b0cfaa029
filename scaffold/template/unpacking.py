"""The template as plain files in one folder: what a render needs of a checkout or a bundle."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from scaffold.errors import RenderError
from scaffold.git import Git, GitError
from scaffold.template.files import TEMPLATE_PATHSPECS
from scaffold.template.source import TemplateSource

SEPARATOR = "{{_copier_conf.sep}}"
"""Stands in the name of an unpacked file for what parts folders from each other."""

INCLUDED = "security/controls"
"""The folder of the output tree whose files the template includes, by their paths."""


def unpack(source: TemplateSource, folder: Path) -> None:
    """Put the template into `folder`, which is made: a checkout as it lies there, without what git ignores.

    Its output tree becomes one flat folder but for `INCLUDED`, and its file names hold the separators: Copier compiles
    and renders each part of each path for itself, and each folder once more, which costs more than all the files.

    Raises:
        RenderError: git is missing, or cannot read the source.
    """
    if source.kind == "bundle":
        _git(folder.parent, "clone", "--quiet", "--branch", source.ref, "--", str(source.location), str(folder))
    else:
        _copy_worktree(source.location, folder)
    _flatten(folder / "template")


def _flatten(tree: Path) -> None:
    included = tree / INCLUDED
    for path in [path for path in tree.rglob("*") if path.is_file() and included not in path.parents]:
        path.rename(tree / SEPARATOR.join(path.relative_to(tree).parts))
    for folder in [path for path in tree.iterdir() if path.is_dir() and path not in included.parents]:
        shutil.rmtree(folder)


def _copy_worktree(checkout: Path, folder: Path) -> None:
    listed = _git(checkout, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *TEMPLATE_PATHSPECS)
    # Git still lists what is deleted and not committed.
    names = [name for name in listed.split("\0") if name and os.path.lexists(checkout / name)]
    for parent in {Path(name).parent for name in names}:
        (folder / parent).mkdir(parents=True, exist_ok=True)
    for name in names:
        shutil.copy(checkout / name, folder / name)


def _git(folder: Path, *arguments: str) -> str:
    try:
        return Git(folder)(*arguments)
    except GitError as error:
        raise RenderError(f"The template cannot be read: {error}") from error
