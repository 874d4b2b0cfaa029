"""The tests of a repository and the controls that mark them: those that are here, and those that were."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from scaffold.controls import marks
from scaffold.evidence.results import Tests
from scaffold.git import Git, GitError


def read_tests(repository: Path) -> Tests:
    """The tests of a repository with the controls that mark them, by file."""
    return {
        file: _marks((repository / file).read_text(encoding="utf-8", errors="replace"))
        for file in marks.test_files(repository)
    }


def removed_tests(repository: Path, tests: Tests) -> Mapping[str, frozenset[str]]:
    """The marked tests of the commit, as `file::test`, that are gone or have lost a mark since, with those controls.

    Without git, or before the first commit, nothing can be compared.
    """
    git = Git(repository)
    removed: dict[str, frozenset[str]] = {}
    try:
        for file in git("diff", "--name-only", "--relative", "HEAD", "--", "tests").splitlines():
            if marks.is_test_file(file) and git.succeeds("cat-file", "-e", f"HEAD:./{file}"):
                before, now = _marks(git("show", f"HEAD:./{file}")), tests.get(file, {})
                lost = {f"{file}::{test}": ids - now.get(test, frozenset()) for test, ids in before.items()}
                removed |= {test: ids for test, ids in lost.items() if ids}
    except GitError:
        return {}
    return removed


def _marks(text: str) -> Mapping[str, frozenset[str]]:
    try:
        return marks.tests_of(text)
    except (SyntaxError, ValueError):
        # What cannot be imported runs no test: check names the file, and its controls are not verified.
        return {}
