"""Imports in a person's code follow the modules that the template moved, and nothing else of it changes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scaffold.updating.imports import Carried, Modules, carry_imports

MODULES = Modules(
    "bob",
    {"runtime.bounds": "runtime.authoring", "runtime.audit": "runtime.told.audit", "runtime.old": "runtime.new"},
    {
        "runtime.authoring": frozenset({"ShortText", "LongText", "current"}),
        "runtime.told.audit": frozenset({"Trail"}),
        "runtime.new": frozenset({"kept"}),
        "runtime.access": frozenset({"current", "gone_elsewhere"}),
    },
)
FILE = "src/bob/tools/own.py"


@pytest.mark.parametrize(
    "before, after",
    [
        ("from ..runtime.bounds import ShortText\n", "from ..runtime.authoring import ShortText\n"),
        ("from bob.runtime.audit import Trail as T\n", "from bob.runtime.told.audit import Trail as T\n"),
        ("from ..runtime import audit\n", "from ..runtime.told import audit\n"),
        ("from ..runtime import old\n", "from ..runtime import new as old\n"),
        ("import bob.runtime.audit as audit\n", "import bob.runtime.told.audit as audit\n"),
        ("from ..runtime.old import gone_elsewhere\n", "from ..runtime.access import gone_elsewhere\n"),
        (
            "from ..runtime.old import current, kept\n",
            "from ..runtime.authoring import current\nfrom ..runtime.new import kept\n",
        ),
        (
            "from ..runtime.bounds import LongText\nfrom ..runtime.old import current\n",
            "from ..runtime.authoring import LongText, current\n",
        ),
        (
            "def f():\n    from ..runtime.old import kept  # late\n",
            "def f():\n    from ..runtime.new import kept  # late\n",
        ),
        (
            "from ..runtime.bounds import (\n    ShortText,  # short\n)\nx = 1\n",
            "# short\nfrom ..runtime.authoring import ShortText\nx = 1\n",
        ),
        ("import os, bob.runtime.audit as a\n", "import os\nimport bob.runtime.told.audit as a\n"),
        (
            "from ..runtime.old import kept; from ..runtime.audit import Trail\n",
            "from ..runtime.new import kept; from ..runtime.told.audit import Trail\n",
        ),
        (
            "if x: pass\nelse: from ..runtime.old import current, kept\n",
            "if x: pass\nelse: from ..runtime.authoring import current; from ..runtime.new import kept\n",
        ),
        (
            "from ..runtime.old import current, kept\r\n",
            "from ..runtime.authoring import current\r\nfrom ..runtime.new import kept\r\n",
        ),
        (
            "if x: \\\n    from ..runtime.old import current, kept\n",
            "if x: \\\n    from ..runtime.authoring import current; from ..runtime.new import kept\n",
        ),
        ("\ufefffrom ..runtime.old import kept\n", "\ufefffrom ..runtime.new import kept\n"),
        ("# \x85\u2028\x0c!\nfrom ..runtime.old import kept\n", "# \x85\u2028\x0c!\nfrom ..runtime.new import kept\n"),
    ],
)
def test_an_import_follows(before: str, after: str) -> None:
    assert carry_imports(before, FILE, MODULES) == Carried(after, [])


@pytest.mark.parametrize(
    "code",
    [
        "from ..runtime.access import current\n",
        "from other.runtime.bounds import ShortText\n",
        "import bob.runtime\n",
        "from . import bounds\n",
        "import runtime.bounds\n",
        "from runtime.bounds import ShortText\n",
        "x = '''\nfrom ..runtime.authoring import current\nfrom ..runtime.authoring import LongText\n'''\n",
        "from ..runtime.authoring import current\nfrom ..runtime.authoring import LongText\n",
        "x = 'from ..runtime.bounds import ShortText'\n",
        "def broken(:\n",
        "",
    ],
)
def test_what_did_not_move_stays_to_the_character(code: str) -> None:
    assert carry_imports(code, FILE, MODULES).text == code


def test_a_name_that_is_nowhere_or_in_several_places_is_named_and_its_statement_stays() -> None:
    carried = carry_imports("from ..runtime.audit import Trail, Missing\n", FILE, MODULES)

    assert carried.text == "from ..runtime.audit import Trail, Missing\n"
    assert carried.lost == [f"{FILE}:1 imports Missing from bob.runtime.audit, which is nowhere any more"]


@pytest.mark.parametrize(
    "code, told",
    [
        ("from ..runtime.old import kept\n\0", f"{FILE} cannot be read as Python"),
        ("from ..runtime import old\ndef broken(:\n", f"{FILE} cannot be read as Python"),
        ("x = 1; from ..runtime.old import (  # why\n    kept)\n", f"{FILE}:1 imports what moved, beside other code"),
    ],
)
def test_what_cannot_be_rewritten_stays_and_is_named(code: str, told: str) -> None:
    carried = carry_imports(code, FILE, MODULES)

    assert carried.text == code
    assert [sentence[: len(told)] for sentence in carried.lost] == [told]


def test_in_merged_code_a_module_that_stands_under_an_old_name_is_the_new_one() -> None:
    modules = replace(MODULES, names={**MODULES.names, "runtime.audit": frozenset({"Kept"})}).for_merged()

    assert (
        carry_imports("from ..runtime.audit import Kept\n", FILE, modules).text == "from ..runtime.audit import Kept\n"
    )
    assert carry_imports("from ..runtime import audit\n", FILE, modules).text == "from ..runtime import audit\n"
    assert (
        carry_imports("from ..runtime.audit import Trail\n", FILE, modules).text
        == "from ..runtime.told.audit import Trail\n"
    )


def test_code_for_authors_takes_what_did_not_move_from_the_one_module_too() -> None:
    carried = carry_imports("from ..runtime.access import current\n", FILE, MODULES.for_authors())

    assert carried.text == "from ..runtime.authoring import current\n"
