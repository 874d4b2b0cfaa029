"""The template's versions: where they are kept, which there are, and to which one an update goes."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from packaging.version import InvalidVersion, Version

from scaffold.errors import RefusedError
from scaffold.git import Git, GitError
from scaffold.template.questions import did_you_mean
from scaffold.template.source import CANONICAL_URL, SourceError, TemplateSource

LATEST = "HEAD"

# What `git describe` says of a commit past a tag.
_DESCRIBED = re.compile(r"(?P<tag>.+)-\d+-g[0-9a-f]{4,40}")
_SHOWN = 12


@dataclass(frozen=True)
class History:
    """A copy of the repository that holds the template.

    Attributes:
        git: Runs in the copy.
        url: What rendered repositories record as the template's origin.
    """

    git: Git
    url: str

    @classmethod
    def fetch(cls, url: str, living: Path, installed: TemplateSource, folder: Path) -> History:
        """Copy the template's repository into `folder`; a relative `url` starts at the repository `living`.

        Raises:
            SourceError: It cannot be reached.
        """
        git = Git(folder.parent, {"GIT_SSH_COMMAND": os.environ.get("GIT_SSH_COMMAND", "ssh -oBatchMode=yes")})
        location = _location(url, living, installed)
        try:
            git("clone", "--quiet", "--mirror", "--", location, str(folder))
        except GitError as error:
            raise SourceError(
                f"The template at {location} cannot be reached: bring it back, or put where it is now into _src_path "
                f"of .copier-answers.yml and commit that ({error})."
            ) from error
        return cls(Git(folder), url)

    def commit(self, version: str) -> str | None:
        """The commit that a version names, if there is one."""
        done = self.git.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{version}^{{commit}}")
        return done.stdout.decode().strip() or None

    def recorded(self, version: str) -> str:
        """Return the version that a repository records, if the template has it.

        Raises:
            RefusedError: The template has no such version.
        """
        if self.commit(version):
            return version
        raise RefusedError(
            f"This repository was rendered from {version}, which the template at {self.url} does not hold: "
            "install the mcp-scaffold that rendered it, or a later one."
        )

    def target(self, current: str, wanted: str | None) -> str:
        """The version to update to: the wanted one, or the newest that is at most one major version ahead.

        Raises:
            RefusedError: There is no such version, it is older than the current one, or too far ahead.
        """
        target = self._named(wanted) if wanted else self._next(current)
        if self.commit(target) != self.commit(current):
            self._refuse_downgrade(current, target)
            self._refuse_leap(current, target)
        return target

    def newest(self) -> str | None:
        """The newest release, or the newest state of a bundle; None in a checkout without tags."""
        releases = self._releases()
        return max(releases, key=lambda tag: releases[tag], default=None)

    def source(self, version: str, folder: Path) -> TemplateSource:
        """The template at one version, for a renderer that works in `folder`."""
        self.git("update-ref", f"refs/tags/{version}", f"{version}^{{commit}}")
        return TemplateSource("bundle", self.git.folder, self.url, version, folder / "template")

    def _named(self, wanted: str) -> str:
        if wanted == LATEST:
            return self._described_head()
        for name in (wanted, f"v{wanted}"):
            if self.commit(name):
                return name
        tags = self._tags()
        known = ", ".join([*tags[-_SHOWN:], LATEST]) if tags else LATEST
        raise RefusedError(f"The template has no version {wanted}{did_you_mean(wanted, tags)}: choose from {known}.")

    def _next(self, current: str) -> str:
        newest = self.newest()
        if newest is None or self._is_ancestor(newest, current):
            return newest if newest == current else self._described_head()
        releases = self._releases()
        major = self._major(current)
        ahead = sorted({version.major for version in releases.values() if major is None or version.major > major})
        reachable = {tag for tag, version in releases.items() if not ahead or version.major <= ahead[0]}
        return max(reachable, key=lambda tag: releases[tag])

    def _refuse_downgrade(self, current: str, target: str) -> None:
        versions = _version(current), _version(target)
        older = versions[0] is not None and versions[1] is not None and versions[1] < versions[0]
        if older or self._is_ancestor(target, current):
            raise RefusedError(
                f"{target} is older than {current}, which this repository has: an update only goes forward; "
                "to go back, revert the commit of the update."
            )

    def _refuse_leap(self, current: str, target: str) -> None:
        major, wanted = self._major(current), self._major(target)
        if major is None or wanted is None:
            return
        releases = self._releases()
        between = {tag: version for tag, version in releases.items() if major < version.major < wanted}
        if between:
            first = min(version.major for version in between.values())
            step = max((tag for tag in between if between[tag].major == first), key=lambda tag: between[tag])
            raise RefusedError(
                f"{target} is more than one major version ahead of {current}: update to {step} first (--to {step})."
            )

    def _major(self, version: str) -> int | None:
        described = _DESCRIBED.fullmatch(version)
        parsed = _version(described["tag"] if described else version)
        return parsed.major if parsed else None

    def _is_ancestor(self, earlier: str, later: str) -> bool:
        return self.git.succeeds("merge-base", "--is-ancestor", earlier, later)

    def _described_head(self) -> str:
        return self.git("describe", "--tags", "--always", LATEST)

    def _tags(self) -> list[str]:
        return self.git("tag", "--list", "--sort=version:refname").split()

    def _releases(self) -> dict[str, Version]:
        parsed = {tag: _version(tag) for tag in self._tags()}
        return {tag: version for tag, version in parsed.items() if version is not None and not version.is_prerelease}


def _location(url: str, living: Path, installed: TemplateSource) -> str:
    """The path or URL from which git can clone the template that is recorded under `url`."""
    if url in (installed.url, CANONICAL_URL):
        return str(installed.location)
    if (living / url).exists():
        return str((living / url).resolve())
    return url


def _version(tag: str) -> Version | None:
    try:
        return Version(tag)
    except InvalidVersion:
        return None
