"""Where the template comes from: a checkout as it lies there, or the git bundle that a wheel and an sdist carry."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from scaffold.errors import ScaffoldError
from scaffold.git import Git, GitError

CANONICAL_URL: Final = "https://example.com/mcp-scaffold.git"
"""What a repository rendered from a bundle records as its origin, the same on every machine.

Nobody can register this name, so nobody can serve updates under it. It changes here, once the project has a home.
"""

_PACKAGE = Path(__file__).parents[1]


class SourceError(ScaffoldError):
    """There is no template to render."""


@dataclass(frozen=True)
class TemplateSource:
    """The template's location and version, as Copier takes them.

    Attributes:
        kind: Whether it is a checkout or a bundle.
        location: The checkout's folder, or the bundle's file.
        url: The source to give to Copier, and what it records as `_src_path`.
        ref: The revision to render.
        questions: The folder that holds `copier.yml`, and beside it the files that it includes.
    """

    kind: Literal["checkout", "bundle"]
    location: Path
    url: str
    ref: str
    questions: Path

    @property
    def version(self) -> str:
        """The template's version as Copier records it: a tag, or how far a checkout is past one."""
        if self.kind == "bundle":
            return self.ref
        return _git(self.location, "describe", "--tags", "--always", "--dirty")

    def environment(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """The variables under which git, and so Copier, finds the template at `url`; none for a checkout.

        What `base`, the process's environment by default, already configures for git stays; an older mapping of the
        same URL is replaced, because git would otherwise prefer it. Set them before Copier is imported: it reads the
        environment once.
        """
        if self.kind == "checkout":
            return {}
        entries = [entry for entry in _git_settings(os.environ if base is None else base) if not _maps(entry, self.url)]
        entries.append((f"url.{self.location.as_posix()}.insteadOf", self.url))
        numbered = {
            f"GIT_CONFIG_{part}_{index}": text
            for index, entry in enumerate(entries)
            for part, text in zip(("KEY", "VALUE"), entry, strict=True)
        }
        return {"GIT_CONFIG_COUNT": str(len(entries)), **numbered}


def template_source() -> TemplateSource:
    """Find the template that belongs to this installation.

    Raises:
        SourceError: The installation holds neither a checkout nor a bundle.
    """
    checkout = _PACKAGE.parent
    if (checkout / ".git").exists() and (checkout / "copier.yml").is_file():
        return TemplateSource("checkout", checkout, checkout.as_posix(), "HEAD", checkout)
    bundle = _PACKAGE / "_template" / "template.bundle"
    if bundle.is_file():
        return TemplateSource("bundle", bundle, CANONICAL_URL, _newest_tag(bundle), bundle.parent)
    raise SourceError(
        f"There is no template in {_PACKAGE}: install mcp-scaffold from a checkout, a wheel or a source distribution."
    )


def _newest_tag(bundle: Path) -> str:
    """The tag at the bundle's HEAD, read from its header (gitformat-bundle)."""
    references = dict(_references(bundle))
    head = references.pop("HEAD", None)
    for name, commit in references.items():
        if commit == head:
            return name.removeprefix("refs/tags/")
    raise SourceError(f"{bundle} names no version of the template: reinstall mcp-scaffold.")


def _references(bundle: Path) -> Iterator[tuple[str, str]]:
    with bundle.open("rb") as file:
        next(file, b"")
        for line in file:
            if line == b"\n":
                return
            commit, _, name = line.decode().strip().partition(" ")
            yield name, commit


def _git_settings(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    count = environment.get("GIT_CONFIG_COUNT", "")
    indices = range(int(count)) if count.isdecimal() else range(0)
    return [(environment.get(f"GIT_CONFIG_KEY_{n}", ""), environment.get(f"GIT_CONFIG_VALUE_{n}", "")) for n in indices]


def _maps(entry: tuple[str, str], url: str) -> bool:
    key, value = entry
    return value == url and key.startswith("url.") and key.lower().endswith(".insteadof")


def _git(folder: Path, *arguments: str) -> str:
    try:
        return Git(folder)(*arguments)
    except GitError as error:
        raise SourceError(f"The template in {folder} cannot be read: {error}") from error
