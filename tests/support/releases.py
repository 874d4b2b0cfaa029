"""The real template as a repository with releases, and what lives from it."""

from __future__ import annotations

import shutil
from itertools import count
from pathlib import Path
from typing import Any

from scaffold.template.rendering import Renderer
from scaffold.template.source import TemplateSource
from tests.support.living import Living, Template, git

_numbers = count()


def release(checkout: Path, folder: Path, version: str = "v1.0.0") -> TemplateSource:
    """The template as it lies in a checkout, as a release of a repository in `folder`, which may have earlier ones."""
    if not folder.exists():
        folder.mkdir()
        git(folder, "init", "--quiet", "--initial-branch=main")
    for place in folder.iterdir():
        if place.name != ".git":
            shutil.rmtree(place) if place.is_dir() else place.unlink()
    for name in git(checkout, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0"):
        if name and (checkout / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(checkout / name, folder / name)
    Template(folder).release(version, {})
    return TemplateSource("bundle", folder, folder.as_posix(), version, folder)


def render(source: TemplateSource, answers: dict[str, Any], folder: Path) -> Path:
    """Render answers into a new folder below `folder`."""
    place = folder / f"render-{next(_numbers)}"
    place.mkdir()
    Renderer(source, place).with_defaults(answers, place / "repository")
    return place / "repository"


def live(source: TemplateSource, answers: dict[str, Any], folder: Path) -> Living:
    """Render answers and commit."""
    living = Living(render(source, answers, folder))
    git(living.folder, "init", "--quiet", "--initial-branch=main")
    living.commit()
    return living
