"""The check before a release: the bundle inside a built wheel is what git says was released.

    python -m release.check dist/mcp_scaffold-*.whl

It fails unless the bundle holds every released tag, each with exactly the template of that tag, and renders the
version that the wheel names. Without it, a wheel could call a newer template "1.0.0", and the next update would skip
what had changed in between.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

from release.bundle import BUNDLE_NAME, BundleError, opened, releases, repository_in
from scaffold.errors import ExitStatus, ScaffoldError
from scaffold.git import Git

BUNDLE_IN_WHEEL = f"scaffold/_template/{BUNDLE_NAME}"


def main(arguments: list[str]) -> ExitStatus:
    """Check the wheels named in `arguments` against the repository here; return the exit status."""
    if not arguments:
        print("usage: python -m release.check WHEEL...", file=sys.stderr)
        return ExitStatus.REFUSED
    checkout = repository_in(Path.cwd())
    problems = [f"{wheel}: {problem}" for wheel in arguments for problem in check(Path(wheel), checkout)]
    for problem in problems:
        print(problem, file=sys.stderr)
    return ExitStatus.FAILED if problems else ExitStatus.DONE


def check(wheel: Path, checkout: Git) -> list[str]:
    """Compare the bundle in `wheel` with the released tags of `checkout`; return a sentence for each difference."""
    try:
        return list(_problems(wheel, checkout))
    except ScaffoldError as error:
        return [str(error)]


def _problems(wheel: Path, checkout: Git) -> Iterator[str]:
    if checkout("rev-parse", "--is-shallow-repository") == "true":
        yield "The checkout is shallow, so its tags prove nothing: fetch the whole history."
        return
    with TemporaryDirectory(prefix="mcp-scaffold-") as folder:
        yield from _bundle_problems(_extracted(wheel, Path(folder)), _version(wheel), checkout)


def _bundle_problems(bundle: Path, version: str, checkout: Git) -> Iterator[str]:
    expected = {release.tag: release.tree for release in releases(checkout)}
    with opened(bundle) as repository:
        bundled = {release.tag: release.tree for release in releases(repository)}
        current = repository("tag", "--points-at", "HEAD").splitlines()
    for tag in expected.keys() - bundled.keys():
        yield f"The release {tag} is missing from the bundle."
    for tag in bundled.keys() - expected.keys():
        yield f"The bundle holds {tag}, which was never released."
    for tag in expected.keys() & bundled.keys():
        if expected[tag] != bundled[tag]:
            yield f"The template under {tag} is not the one that was released."
    if current != [f"v{version}"]:
        yield f"The wheel is version {version}, but its template is {' '.join(current)}."


def _extracted(wheel: Path, folder: Path) -> Path:
    with ZipFile(wheel) as archive:
        if BUNDLE_IN_WHEEL not in archive.namelist():
            raise BundleError(f"There is no {BUNDLE_IN_WHEEL} in the wheel: build it from a checkout.")
        return Path(archive.extract(BUNDLE_IN_WHEEL, folder))


def _version(wheel: Path) -> str:
    """The version in a wheel's file name (PEP 427)."""
    return wheel.name.split("-")[1]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
