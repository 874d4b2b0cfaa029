"""After a render: a git repository with one commit, so that the first update has something to compare with."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from scaffold.errors import UnavailableError

_FALLBACK_IDENTITY = ("-c", "user.name=mcp-scaffold", "-c", "user.email=mcp-scaffold@example.com")
# What a person configured for other repositories must neither run here nor leave files out.
_ALONE = ("-c", f"core.hooksPath={os.devnull}", "-c", f"core.excludesFile={os.devnull}", "-c", "init.templateDir=")


def commit_all(repository: Path, message: str) -> None:
    """Make `repository` a git repository on the branch `main` and commit everything in it.

    Works without a configured name, and signs if the person's configuration says so.

    Raises:
        UnavailableError: There is no git, or it refused; the files stay as they are.
    """
    _git(repository, "init", "--quiet", "--initial-branch=main")
    _git(repository, "add", "--all")
    identity = () if _has_identity(repository) else _FALLBACK_IDENTITY
    _git(repository, *identity, "commit", "--quiet", f"--message={message}")


def _has_identity(repository: Path) -> bool:
    return _run(repository, "-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT").returncode == 0


def _git(repository: Path, *arguments: str) -> None:
    done = _run(repository, *arguments)
    if done.returncode:
        raise UnavailableError(f"git refused: {' '.join(done.stderr.split())}")


def _run(repository: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["git", *_ALONE, *arguments],
            cwd=repository,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except FileNotFoundError as error:
        raise UnavailableError("git is not installed") from error
