"""git, as this project runs it: it asks nothing, runs no hook, and takes no lock that it can do without."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from scaffold.errors import ScaffoldError

# A git hook that runs this command would redirect every git process of it.
REDIRECTIONS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX")
_QUIET = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
_ALONE = tuple(
    argument
    for setting in (f"core.hooksPath={os.devnull}", "core.fsmonitor=false", "gc.auto=0", "maintenance.auto=false")
    for argument in ("-c", setting)
)


class GitError(ScaffoldError):
    """git is missing, or it refused; the message is its own."""


@dataclass(frozen=True)
class Git:
    """Runs git in a folder.

    Attributes:
        variables: What its environment holds beside this process's.
    """

    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)

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
        inherited = {name: value for name, value in os.environ.items() if name not in REDIRECTIONS}
        try:
            return subprocess.run(
                ["git", *_ALONE, *arguments],
                cwd=self.folder,
                env={**inherited, **_QUIET, **self.variables},
                input=stdin,
                capture_output=True,
                check=False,
            )
        except FileNotFoundError as error:
            raise GitError("git is not installed: install git 2.31 or later.") from error


def decoded(output: bytes) -> str:
    """Git's output as text; paths need not be UTF-8."""
    return output.decode("utf-8", "surrogateescape")


def encoded(text: str) -> bytes:
    """The inverse of `decoded`."""
    return text.encode("utf-8", "surrogateescape")
