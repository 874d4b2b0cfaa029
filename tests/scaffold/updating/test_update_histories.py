"""Histories of edits by changes of the template: every line that a person wrote is in the tree afterwards, or named.

`HISTORIES=200 pytest tests/scaffold/updating/test_update_histories.py` tries so many; by default a few.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from tests.support.living import FILES, Finished, Living, Template, git

HISTORIES = int(os.environ.get("HISTORIES", "10"))
MINE = "mine-"

pytestmark = pytest.mark.timeout(600 + 20 * HISTORIES)

MANAGED = ["first.txt", "second.txt", "named.txt", "folder/third.txt", "extra.txt"]
YOURS = ["mine/seed.txt", "mine/extra.txt"]
NEW = ["first.txt.d/new.txt", "folder/new.txt", "folder", "new.txt", "mine/new.txt", "new.ignored"]
PATHS = [*MANAGED, *YOURS, *NEW]
OFTEN = [*PATHS, *["first.txt", "folder/third.txt"] * 8]
"""Most histories are about few files, so that both sides meet there."""


@dataclass(frozen=True)
class Change:
    """One step of a history, applied where it makes sense."""

    kind: str
    path: str
    to: str
    place: int


changes_of_a_person = st.builds(
    Change,
    st.sampled_from(["insert", "insert", "replace", "append", "write", "remove", "move", "swallow"]),
    st.sampled_from(OFTEN),
    st.sampled_from(PATHS),
    st.integers(0, 3),
)
changes_of_the_template = st.builds(
    Change,
    st.sampled_from(["insert", "replace", "replace", "append", "write", "remove", "move"]),
    st.sampled_from(OFTEN),
    st.sampled_from(PATHS),
    st.integers(0, 3),
)
wishes = st.sampled_from(["update", "update", "update", "extra=true", "extra=false", "name=bees"])


@dataclass
class Files:
    """The files of one side of a history, as text."""

    texts: dict[str, str]
    author: str
    written: int = field(default=0)

    def apply(self, change: Change) -> None:
        text = self.texts.get(change.path)
        if change.kind in ("write", "swallow"):
            self._write(change.path, f"{self._line()}common\n{self._line()}")
        elif text is None:
            return
        elif change.kind == "remove":
            del self.texts[change.path]
        elif change.kind == "move" and change.to not in self.texts:
            self._write(change.to, text)
            if change.to in self.texts:
                del self.texts[change.path]
        else:
            self.texts[change.path] = self._edited(text.splitlines(keepends=True), change)

    def _write(self, path: str, text: str) -> None:
        """Write, unless a file stands where a folder is needed, or the other way about."""
        if not any(path.startswith(f"{other}/") or other.startswith(f"{path}/") for other in self.texts):
            self.texts[path] = text

    def _edited(self, lines: list[str], change: Change) -> str:
        place = min(change.place, max(len(lines) - 1, 0))
        if change.kind == "insert":
            lines.insert(place, self._line())
        elif change.kind == "replace":
            lines[place : place + 1] = [self._line()]
        elif change.kind == "append":
            lines.append(self._line())
        return "".join(lines)

    def _line(self) -> str:
        self.written += 1
        return f"{self.author}{self.written}\n"


@pytest.fixture(scope="module")
def beginning(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A template, and what it renders with each answer to `extra`."""
    folder = tmp_path_factory.mktemp("beginning")
    template = Template.begin(folder / "template")
    for extra in (True, False):
        Living.render(template, folder / f"extra-{extra}", extra=extra)
    return folder


@contextmanager
def a_copy(beginning: Path, *, extra: bool) -> Iterator[tuple[Template, Living]]:
    """The template and a repository of it, where they were rendered: the path is recorded."""
    with TemporaryDirectory(dir=beginning.parent) as name:
        folder = Path(name)
        shutil.copytree(beginning / "template", folder / "template")
        shutil.copytree(beginning / f"extra-{extra}", folder / "living")
        answers = folder / "living" / ".copier-answers.yml"
        text = answers.read_text().replace(str(beginning / "template"), "../template")
        answers.write_text(text)
        living = Living(folder / "living")
        living.commit()
        yield Template(folder / "template"), living


def lay_out(folder: Path, texts: Mapping[str, str], names: Mapping[str, str] = MappingProxyType({})) -> None:
    """Make the files of `PATHS` these, and leave the others alone."""
    for path in PATHS:
        place = folder / names.get(path, path)
        if place.is_file():
            place.unlink()
            if not any(place.parent.iterdir()):
                place.parent.rmdir()
    for path, text in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


def evolve_template(template: Template, history: list[Change]) -> None:
    """A release v1.1.0, in which the template's rendered files changed like this."""
    prefix = "template/"
    names = {"named.txt": "named.txt.jinja"}
    texts = {path.removeprefix(prefix): text for path, text in FILES.items() if path.startswith(prefix) and text}
    texts["named.txt"] = texts.pop("named.txt.jinja")
    files = Files({path: text for path, text in texts.items() if path in PATHS}, "theirs-")
    for change in history:
        files.apply(change)
    lay_out(template.folder / prefix, {names.get(path, path): text for path, text in files.texts.items()}, names)
    git(template.folder, "add", "--all", "--force")
    git(template.folder, "commit", "--quiet", "--allow-empty", "--message", "v1.1.0")
    git(template.folder, "tag", "v1.1.0")


def edit(living: Living, history: list[Change]) -> None:
    """What a person did to a repository, and committed; an ignored file is not."""
    texts = {path: data.decode() for path, data in living.files().items() if path in PATHS}
    files = Files(dict(texts), MINE)
    for change in history:
        files.apply(change)
    lay_out(living.folder, files.texts)
    living.commit()


def lines_of(living: Living) -> Counter[str]:
    """Every line that a person wrote, as often as it is there."""
    texts = (data.decode() for data in living.files().values())
    return Counter(line for text in texts for line in text.splitlines() if line.startswith(MINE))


def yours_of(living: Living) -> dict[str, bytes]:
    return {path: data for path, data in living.files().items() if path.startswith("mine/")}


def named(finished: Finished) -> set[str]:
    return {path for file in finished.document["files"] for path in (file["path"], file["former"]) if path}


@settings(
    max_examples=HISTORIES,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    extra=st.booleans(),
    edits=st.lists(changes_of_a_person, min_size=2, max_size=6),
    evolution=st.lists(changes_of_the_template, min_size=2, max_size=6),
    wish=wishes,
)
def test_no_line_that_a_person_wrote_is_lost(
    beginning: Path, *, extra: bool, edits: list[Change], evolution: list[Change], wish: str
) -> None:
    with a_copy(beginning, extra=extra) as (template, living):
        evolve_template(template, evolution)
        edit(living, edits)
        before, lines, yours = living.files(), lines_of(living), yours_of(living)

        finished = living.update() if wish == "update" else living.set(wish)

        event(f"{wish}: status {finished.status}")
        assert finished.status in (0, 3), finished.err
        document = finished.document
        assert lines - lines_of(living) == Counter(), "a line is gone"
        assert (finished.status == 3) == bool(document.get("conflicts") or document.get("lost"))
        assert set(document.get("conflicts", [])) >= living.unmerged().keys()
        assert yours.items() <= yours_of(living).items(), "what is yours was touched"
        changed = {path for path in {*before, *living.files()} if before.get(path) != living.files().get(path)}
        assert changed <= named(finished) if document["files"] else not changed
        if not document["applied"]:
            assert not changed
        else:
            assert set(document["conflicts"]) == living.unmerged().keys()
            git(living.folder, "reset", "--quiet", "--hard")
            assert (living.files(), living.status()) == (before, [])
