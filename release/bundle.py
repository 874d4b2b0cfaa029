"""The template as one git bundle: what a wheel carries instead of a repository.

The bundle holds a chain of synthetic commits with only what a render needs: one for each released tag `v*`, and one
for each commit to the template since the release before this one. So a repository that an older wheel rendered can be
updated without a network, also from an unreleased state to the release that followed it. The same input gives the
same bytes.

A template that is no release is tagged `v<last release>.post<count>+g<tree>`. By PEP 440 it sorts after the
last release and before the next one, and it is no pre-release, so plain `copier update` moves to it and, later, on
to the next release. Its local part (`+g…`) is refused by every package index: it cannot pass for a release.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.version import InvalidVersion, Version

from scaffold import environment
from scaffold.errors import ScaffoldError
from scaffold.git import Git
from scaffold.template.files import TEMPLATE_FOLDERS, TEMPLATE_PATHSPECS, is_question_file

BUNDLE_NAME = "template.bundle"
# Without the attributes a checkout on Windows would turn every line ending.
BUNDLED_FILES = (".gitattributes",)
BUNDLED_PATHSPECS = (*TEMPLATE_PATHSPECS, *BUNDLED_FILES)

_FIXED_IDENTITY = {
    "GIT_AUTHOR_NAME": "mcp-scaffold",
    "GIT_AUTHOR_EMAIL": "mcp-scaffold@example.com",
    "GIT_AUTHOR_DATE": "2000-01-01T00:00:00+0000",
    "GIT_COMMITTER_NAME": "mcp-scaffold",
    "GIT_COMMITTER_EMAIL": "mcp-scaffold@example.com",
    "GIT_COMMITTER_DATE": "2000-01-01T00:00:00+0000",
}
# What a person's own configuration must not change, and what makes a pack depend on its content only: one thread, and
# objects that arrive loose, so that no delta of another pack is reused.
_FIXED_SETTINGS = (
    *environment.GIT_SETTINGS,
    "core.autocrlf=false",
    "core.excludesFile=",
    "fetch.unpackLimit=1000000",
    "pack.compression=9",
    "pack.depth=50",
    "pack.threads=1",
    "pack.window=10",
)


class BundleError(ScaffoldError):
    """The template cannot be bundled, or a bundle is not what it must be."""


@dataclass(frozen=True)
class Snapshot:
    """One state of the template: the tag that names it and the git tree that holds it."""

    tag: str
    tree: str


def repository_in(folder: Path, variables: Mapping[str, str] | None = None) -> Git:
    """Git in `folder`, with settings under which the same input gives the same objects."""
    return Git(folder, variables or {}, _FIXED_SETTINGS)


def build(checkout: Path, target: Path) -> str:
    """Write the bundle and the question files of the template in `checkout` into the folder `target`.

    Returns:
        The tag of the newest snapshot: a release's, or one that says that it is none.

    Raises:
        BundleError: There is no template there.
        GitError: git is missing, or it refused.
    """
    target.mkdir(parents=True, exist_ok=True)
    with _scratch(checkout) as scratch:
        released = releases(scratch)
        current, earlier = _current_and_earlier(scratch, released)
        line = _line_since(scratch, earlier[-1:])
        tip = _tip(current[-1:] or line, _worktree_tree(scratch, checkout))
        commits = _commit_chain(scratch, dict.fromkeys([*released, *line, tip]))
        _write_bundle(scratch, target / BUNDLE_NAME, commits, tip)
        _write_questions(scratch, target, tip)
    return tip.tag


def releases(repository: Git) -> list[Snapshot]:
    """The template at each released tag of `repository`, oldest version first."""
    tags = repository("tag", "--list", "v*").splitlines()
    return [Snapshot(tag, template_tree(repository, tag)) for tag in sorted(filter(_is_release, tags), key=Version)]


def template_tree(repository: Git, revision: str) -> str:
    """Write the tree of `revision` without what no render needs, and return its id."""
    entries = repository("ls-tree", "-z", revision).split("\0")
    return repository("mktree", "-z", stdin="".join(f"{entry}\0" for entry in entries if _is_needed(entry)))


@contextmanager
def opened(bundle: Path) -> Iterator[Git]:
    """Unpack `bundle` into a temporary repository."""
    with TemporaryDirectory(prefix="mcp-scaffold-") as folder:
        repository = repository_in(Path(folder))
        repository("clone", "--quiet", "--mirror", str(bundle), ".")
        yield repository


def _is_release(tag: str) -> bool:
    try:
        return Version(tag).local is None
    except InvalidVersion:
        return False


def _is_needed(tree_entry: str) -> bool:
    details, _, name = tree_entry.partition("\t")
    if details.split(" ")[1:2] == ["tree"]:
        return name in TEMPLATE_FOLDERS
    return name in BUNDLED_FILES or is_question_file(name)


@contextmanager
def _scratch(checkout: Path) -> Iterator[Git]:
    """A temporary repository that sees the objects and tags of `checkout` and writes none there."""
    with TemporaryDirectory(prefix="mcp-scaffold-") as folder:
        scratch = repository_in(Path(folder) / "scratch.git", _FIXED_IDENTITY)
        outside = repository_in(Path(folder))
        outside("init", "--quiet", "--bare", "--template=", str(scratch.folder))
        if (checkout / ".git").exists():
            origin = str(checkout.resolve())
            scratch("fetch", "--quiet", "--tags", "--update-shallow", origin, "+HEAD:refs/checkout")
        yield scratch


def _current_and_earlier(scratch: Git, released: list[Snapshot]) -> tuple[list[Snapshot], list[Snapshot]]:
    """The releases that are the checkout's commit, and those in its past."""
    if not _has_commits(scratch):
        return [], []
    here = scratch("tag", "--points-at", "refs/checkout").splitlines()
    past = set(scratch("tag", "--merged", "refs/checkout").splitlines()).difference(here)
    return [each for each in released if each.tag in here], [each for each in released if each.tag in past]


def _line_since(scratch: Git, base: list[Snapshot]) -> list[Snapshot]:
    """The release `base`, if there is one, and each later commit to the template."""
    if not _has_commits(scratch):
        return []
    # By first parent only: a merge must not renumber what older bundles have named.
    commits = scratch(
        *("rev-list", "--first-parent", "--reverse", "refs/checkout"),
        *(f"^{release.tag}" for release in base),
        *("--", *BUNDLED_PATHSPECS),
    )
    line = base
    for commit in commits.splitlines():
        line = [*line, _after(line, template_tree(scratch, commit))]
    return line


def _tip(line: list[Snapshot], tree: str) -> Snapshot:
    """The template as it lies in the checkout: the end of `line`, or one step further."""
    return line[-1] if line and line[-1].tree == tree else _after(line, tree)


def _after(line: list[Snapshot], tree: str) -> Snapshot:
    if line and _is_release(line[0].tag):
        return Snapshot(f"{line[0].tag}.post{len(line)}+g{tree[:12]}", tree)
    return Snapshot(f"v0.0.0.post{len(line) + 1}+g{tree[:12]}", tree)


def _worktree_tree(scratch: Git, checkout: Path) -> str:
    in_checkout = repository_in(
        checkout,
        {
            "GIT_DIR": str(scratch.folder),
            "GIT_WORK_TREE": str(checkout),
            "GIT_INDEX_FILE": str(scratch.folder / "index"),
        },
    )
    if _has_commits(scratch):
        # What is tracked although it is ignored must stay, so the index does not start empty.
        in_checkout("read-tree", "refs/checkout")
    in_checkout("add", "--all", "--", *(spec for spec in BUNDLED_PATHSPECS if _matches(in_checkout, spec)))
    tree = template_tree(scratch, in_checkout("write-tree"))
    if not scratch("ls-tree", tree, "copier.yml"):
        raise BundleError(f"There is no copier.yml in {checkout}: nothing to bundle.")
    return tree


def _matches(checkout: Git, pathspec: str) -> bool:
    """Whether git knows or would add anything there: it refuses a path that matches nothing."""
    return bool(checkout("ls-files", "--cached", "--others", "--exclude-standard", "--", pathspec))


def _has_commits(scratch: Git) -> bool:
    return bool(scratch("for-each-ref", "refs/checkout"))


def _commit_chain(scratch: Git, history: Iterable[Snapshot]) -> dict[str, str]:
    """Commit each snapshot on top of the one before; return the commits by tag."""
    commits: dict[str, str] = {}
    parent: list[str] = []
    for snapshot in history:
        commit = scratch("commit-tree", snapshot.tree, *parent, "-m", f"mcp-scaffold {snapshot.tag}")
        commits[snapshot.tag] = commit
        parent = ["-p", commit]
    return commits


def _write_bundle(scratch: Git, path: Path, commits: Mapping[str, str], tip: Snapshot) -> None:
    for tag, commit in commits.items():
        scratch("update-ref", f"refs/tags/{tag}", commit)
    scratch("update-ref", "--no-deref", "HEAD", commits[tip.tag])
    scratch("bundle", "create", "--quiet", str(path.resolve()), "HEAD", *(f"refs/tags/{tag}" for tag in commits))


def _write_questions(scratch: Git, target: Path, tip: Snapshot) -> None:
    """Lay `copier.yml` and the files that it includes beside the bundle: asking needs no git."""
    for name in scratch("ls-tree", "-r", "--name-only", tip.tree).splitlines():
        if is_question_file(name):
            (target / name).parent.mkdir(exist_ok=True)
            (target / name).write_bytes(scratch.raw("cat-file", "blob", f"{tip.tree}:{name}"))
