"""git, as this project runs it: it asks nothing, runs no program of a person's, and takes no lock that it can spare."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from scaffold import environment
from scaffold.errors import ScaffoldError


class GitError(ScaffoldError):
    """git is missing, or it refused; the message is its own."""


@dataclass(frozen=True)
class Git:
    """Runs git in a folder.

    Attributes:
        variables: What its environment holds beside what `scaffold.environment` lets through.
        settings: What overrides a person's configuration.
    """

    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    settings: tuple[str, ...] = environment.GIT_SETTINGS

    def with_variables(self, **variables: str) -> Git:
        """The same git with more in its environment."""
        return replace(self, variables={**self.variables, **variables})

    def __call__(self, *arguments: str, stdin: str = "") -> str:
        """Run git and return what it printed, without the line break at its end.

        Raises:
            GitError: git is missing, or it refused.
        """
        return decoded(self.raw(*arguments, stdin=encoded(stdin))).removesuffix("\n")

    def raw(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """Run git and return exactly what it printed.

        Raises:
            GitError: git is missing, or it refused.
        """
        done = self.run(*arguments, stdin=stdin)
        if done.returncode:
            raise GitError(f"git {arguments[0]}: {' '.join(decoded(done.stderr).split())}")
        return done.stdout

    def succeeds(self, *arguments: str) -> bool:
        """Whether git ends without an error."""
        return self.run(*arguments).returncode == 0

    def run(self, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run git, whatever it returns.

        Raises:
            GitError: git is missing.
        """
        try:
            return subprocess.run(
                ["git", *(part for setting in self.settings for part in ("-c", setting)), *arguments],
                cwd=self.folder,
                env={**environment.for_git(), **self.variables},
                input=stdin,
                capture_output=True,
                check=False,
            )
        except OSError as error:
            raise GitError("git is not installed: install git 2.31 or later.") from error


def decoded(output: bytes) -> str:
    """Git's output as text; paths need not be UTF-8."""
    return output.decode("utf-8", "surrogateescape")


def encoded(text: str) -> bytes:
    """The inverse of `decoded`."""
    return text.encode("utf-8", "surrogateescape")
