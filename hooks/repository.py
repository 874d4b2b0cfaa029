"""After a render: a git repository with one commit, so that the first update has something to compare with."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from scaffold.environment import GIT_SETTINGS
from scaffold.errors import UnavailableError
from scaffold.git import Git, GitError

# What a person configured for other repositories must not leave files out.
_SETTINGS = (*GIT_SETTINGS, f"core.excludesFile={os.devnull}")
_FALLBACK_IDENTITY = ("user.name=mcp-scaffold", "user.email=mcp-scaffold@example.com")


def commit_all(repository: Path, message: str) -> None:
    """Make `repository` a git repository on the branch `main` and commit everything in it.

    Works without a configured name, and signs if the person's configuration says so.

    Raises:
        UnavailableError: There is no git, or it refused; the files stay as they are.
    """
    git = Git(repository, settings=_SETTINGS)
    try:
        git("init", "--quiet", "--initial-branch=main")
        git("add", "--all")
        _identified(git)("commit", "--quiet", f"--message={message}")
    except GitError as error:
        raise UnavailableError(str(error)) from error


def _identified(git: Git) -> Git:
    """The same git, with an identity where none is configured."""
    if replace(git, settings=(*git.settings, "user.useConfigOnly=true")).succeeds("var", "GIT_COMMITTER_IDENT"):
        return git
    return replace(git, settings=(*git.settings, *_FALLBACK_IDENTITY))
