"""A small template with releases, and a repository that was rendered from it and lives on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import Any

import copier

from scaffold import cli
from tests.support.template import CHECKOUT

IDENTITY = {
    "GIT_AUTHOR_NAME": "Test",
    "GIT_AUTHOR_EMAIL": "test@example.com",
    "GIT_COMMITTER_NAME": "Test",
    "GIT_COMMITTER_EMAIL": "test@example.com",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}

ANSWERS_FILE = (
    '{% set sealed = _copier_answers | dictsort | rejectattr(0, "in", ["_commit", "_src_path"])'
    ' | list | to_json | hash("sha256") %}\n'
    "# seal {{ sealed[:16] }}\n"
    "{{ _copier_answers | to_nice_yaml -}}\n"
)
QUESTIONS = """
_subdirectory: template
_envops: {keep_trailing_newline: true, trim_blocks: true}
_skip_if_exists: [/mine]
_exclude:
  - "{% if _copier_operation == 'update' %}/mine{% endif %}"
  - "{% if not extra %}/extra.txt\\n/mine/extra.txt{% endif %}"
name: {type: str, default: notes}
extra: {type: bool, default: false}
"""
LINES = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n"
FILES: Mapping[str, str | None] = {
    "copier.yml": QUESTIONS,
    "template/{{_copier_conf.answers_file}}.jinja": ANSWERS_FILE,
    "template/first.txt": LINES,
    "template/second.txt": LINES.upper(),
    "template/named.txt.jinja": "name: {{ name }}\n" + LINES,
    "template/folder/third.txt": "third " + LINES,
    "template/extra.txt": "extra " + LINES,
    "template/mine/seed.txt": "seed " + LINES,
    "template/mine/extra.txt": "more " + LINES,
    "template/.gitignore": "*.ignored\n",
}


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env={**os.environ, **IDENTITY}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"git {arguments}: {done.stderr}"
    return done.stdout


def write(folder: Path, files: Mapping[str, str | None]) -> None:
    """Write these files; None removes one."""
    for name, text in files.items():
        if text is None:
            (folder / name).unlink()
        else:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")


@dataclass(frozen=True)
class Template:
    """A template's repository."""

    folder: Path

    @classmethod
    def begin(cls, folder: Path) -> Template:
        """Begin it with a release v1.0.0."""
        folder.mkdir(parents=True)
        git(folder, "init", "--quiet", "--initial-branch=main")
        template = cls(folder)
        template.release("v1.0.0", FILES)
        return template

    def release(self, tag: str, files: Mapping[str, str | None]) -> None:
        """Change these files, commit and tag."""
        self.commit(files, tag)
        git(self.folder, "tag", tag)

    def commit(self, files: Mapping[str, str | None], message: str = "more") -> None:
        write(self.folder, files)
        git(self.folder, "add", "--all")
        git(self.folder, "commit", "--quiet", "--allow-empty", "--message", message)

    def render(self, folder: Path, version: str, **answers: object) -> Path:
        """Render by plain Copier."""
        copier.run_copy(str(self.folder), folder, data=answers, vcs_ref=version, defaults=True, quiet=True)
        return folder


@dataclass(frozen=True)
class Finished:
    status: int
    out: str
    err: str

    @cached_property
    def document(self) -> Any:
        return json.loads(self.out)

    def paths(self, kind: str) -> list[str]:
        return [file["path"] for file in self.document["files"] if file["kind"] == kind]


@dataclass(frozen=True)
class Living:
    """A rendered repository."""

    folder: Path

    @classmethod
    def render(cls, template: Template, folder: Path, **answers: object) -> Living:
        """Render the template's first release, and commit it."""
        living = cls(template.render(folder, "v1.0.0", **answers))
        git(folder, "init", "--quiet", "--initial-branch=main")
        living.commit()
        return living

    def edit(self, files: Mapping[str, str | None]) -> None:
        """Change these files, and commit."""
        write(self.folder, files)
        self.commit()

    def replace(self, name: str, old: str, new: str) -> None:
        text = self.read(name)
        assert old in text
        self.edit({name: text.replace(old, new)})

    def commit(self, message: str = "mine") -> None:
        git(self.folder, "add", "--all")
        git(self.folder, "commit", "--quiet", "--allow-empty", "--message", message)

    def read(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")

    def files(self) -> dict[str, bytes]:
        """Every file, with what it holds, git's own aside."""
        found = (path for path in self.folder.rglob("*") if path.is_file() or path.is_symlink())
        own = {path for path in found if ".git" not in path.relative_to(self.folder).parts}
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in own}

    def status(self) -> list[str]:
        return git(self.folder, "status", "--porcelain").splitlines()

    def unmerged(self) -> dict[str, set[int]]:
        """The conflicts in the index: their paths, and the sides that each has."""
        sides: dict[str, set[int]] = {}
        for line in git(self.folder, "ls-files", "--unmerged").splitlines():
            details, _, path = line.partition("\t")
            sides.setdefault(path, set()).add(int(details.split()[2]))
        return sides

    def run(self, *arguments: str) -> Finished:
        """Run the command line on it, in this process."""
        out, err, before, cwd = StringIO(), StringIO(), sys.argv, Path.cwd()
        try:
            sys.argv = ["mcp-scaffold", *arguments]
            os.chdir(self.folder)
            with redirect_stdout(out), redirect_stderr(err):
                cli.main()
        except SystemExit as ended:
            return Finished(int(ended.code or 0), out.getvalue(), err.getvalue())
        finally:
            sys.argv = before
            os.chdir(cwd)

    def update(self, *arguments: str) -> Finished:
        return self.run("update", "--no-verify", "--json", *arguments)

    def set(self, *arguments: str) -> Finished:
        return self.run("set", "--no-verify", "--json", *arguments)

    def copy(self, folder: Path) -> Living:
        shutil.copytree(self.folder, folder, symlinks=True)
        return Living(folder)


def program(*arguments: str) -> Sequence[str]:
    return [sys.executable, "-m", "scaffold", *arguments]


def environment() -> dict[str, str]:
    return {**os.environ, **IDENTITY, "PYTHONPATH": str(CHECKOUT)}
