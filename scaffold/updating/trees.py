"""Trees of files, as git stores them: in a repository of their own that reads the living one and never writes there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from scaffold.git import Git, decoded

REGULAR_FILES = ("100644", "100755")
SIMILARITY = "60%"
"""How much of a file must stay for a removed and an added path to count as a rename."""

_ABSENT = "0" * 40
_PATCH = re.compile(r"^(?=diff --git )", re.MULTILINE)


@dataclass(frozen=True)
class Entry:
    """A file of a tree: git's mode, and the id of its content."""

    mode: str
    blob: str

    @property
    def is_regular(self) -> bool:
        """Whether it is a file, and no link or submodule."""
        return self.mode in REGULAR_FILES


Tree: TypeAlias = Mapping[str, Entry]
"""The files of a tree by their paths."""


@dataclass(frozen=True)
class Workshop:
    """A temporary repository that reads the objects of a living one, and stores new objects in its own folder."""

    git: Git

    @classmethod
    def beside(cls, objects: Path, folder: Path) -> Workshop:
        """Make a workshop in `folder` that reads from the object store `objects`."""
        folder.mkdir()
        git = Git(folder)
        git("init", "--quiet", "--template=", ".")
        info = folder / ".git" / "objects" / "info"
        info.mkdir(parents=True, exist_ok=True)
        (info / "alternates").write_text(f"{objects.as_posix()}\n", encoding="utf-8", newline="\n")
        return cls(git)

    @property
    def folder(self) -> Path:
        """Where its working tree is."""
        return self.git.folder

    def tree_of_folder(self, folder: Path) -> str:
        """Store every file of `folder` as a tree, and return its id."""
        index = self.folder / ".git" / f"index-{folder.name}"
        git = self.git.with_variables(GIT_INDEX_FILE=str(index), GIT_WORK_TREE=str(folder))
        settings = ("-c", "core.autocrlf=false", "-c", "core.safecrlf=false")
        git.with_variables(GIT_DIR=str(self.folder / ".git"))(*settings, "add", "--all", "--force", "--", str(folder))
        return git.with_variables(GIT_DIR=str(self.folder / ".git"))("write-tree")

    def read(self, treeish: str) -> dict[str, Entry]:
        """The files of a tree."""
        listed = self.git("ls-tree", "-r", "-z", "--full-tree", treeish).split("\0")
        return {path: Entry(mode, blob) for mode, _, blob, path in map(_tree_line, filter(None, listed))}

    def content(self, blob: str | None) -> bytes:
        """The content of a file; empty for None."""
        return self.git.raw("cat-file", "blob", blob) if blob else b""

    def store(self, content: bytes) -> str:
        """Store the content of a file, and return its id."""
        return decoded(self.git.raw("hash-object", "-w", "--stdin", stdin=content)).strip()

    def changed_tree(self, tree: str, changes: Mapping[str, Entry | None]) -> str:
        """The tree with some files replaced, added, or left out."""
        git = self.git.with_variables(GIT_INDEX_FILE=str(self.folder / ".git" / "index-changed"))
        git("read-tree", tree)
        removed = [f"0 {_ABSENT}\t{path}\0" for path, entry in changes.items() if entry is None]
        written = [f"{entry.mode} {entry.blob}\t{path}\0" for path, entry in changes.items() if entry is not None]
        git("update-index", "-z", "--index-info", stdin="".join([*removed, *written]))
        return git("write-tree")

    def folder_of_trees(self, *trees: str) -> str:
        """A tree that holds these trees, so that one pack of it holds all their objects."""
        lines = "".join(f"040000 tree {tree}\t{number}\n" for number, tree in enumerate(trees))
        return self.git("mktree", stdin=lines)

    def pack(self, tree: str, known: str) -> bytes:
        """A pack of the objects that can be reached from a tree, but not from a commit that the receiver has."""
        return self.git.raw("pack-objects", "--revs", "--stdout", "-q", stdin=f"{tree}\n^{known}\n".encode())

    def renames(self, before: str, after: str) -> dict[str, str]:
        """The new paths of files that moved between two trees, by their old ones."""
        listed = self.git(
            "diff-tree", "-r", "-z", "-l0", f"--find-renames={SIMILARITY}", "--diff-filter=R", before, after
        )
        fields = listed.split("\0")
        return dict(zip(fields[1::3], fields[2::3], strict=False))

    def diffs(self, before: str, after: str, paths: Iterable[str] = ()) -> dict[str, str]:
        """What differs between two trees, or in some of their files, as git words it, by (new) paths."""
        literal = [f":(literal,top){path}" for path in paths]
        options = ("-r", "--no-color", f"--find-renames={SIMILARITY}", before, after, "--", *literal)
        names = self.git("diff-tree", "--name-only", "-z", *options).split("\0")
        patches = _PATCH.split(decoded(self.git.raw("diff-tree", "--patch", *options)))
        return dict(zip(filter(None, names), filter(None, patches), strict=True))

    def check_out(self, commit: str, tree: str) -> None:
        """Lay a tree out here, on top of a commit."""
        self.git("update-ref", "--no-deref", "HEAD", commit)
        self.git("read-tree", "--reset", "-u", tree)


def _tree_line(line: str) -> tuple[str, str, str, str]:
    details, _, path = line.partition("\t")
    mode, kind, blob = details.split(" ")
    return mode, kind, blob, path
