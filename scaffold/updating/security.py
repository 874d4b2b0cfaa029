"""What an update means for the controls: the catalogues of both renders, and the code that they name."""

from __future__ import annotations

import ast
from collections.abc import Callable

from scaffold.controls import symbols
from scaffold.controls.catalogue import Control, is_catalogue, parse_catalogue
from scaffold.errors import RefusedError, RenderError
from scaffold.updating.plan import ControlChange, SecurityDelta
from scaffold.updating.trees import Tree, Workshop


def security_delta(
    workshop: Workshop, base: Tree, theirs: Tree, result: Tree, is_managed: Callable[[str], bool]
) -> SecurityDelta:
    """Compare the controls of two renders, and the code of the newer one with what the files would be."""
    before, after = _catalogue(workshop, base), _catalogue(workshop, theirs)
    pairs = [(before[name], after[name]) for name in after if name in before]
    tightened = [
        ControlChange(new.id, new.statement, detail)
        for old, new in pairs
        for detail in [_tightening(old, new, theirs)]
        if detail
    ]
    reopened = [
        ControlChange(control.id, control.statement, detail)
        for control in after.values()
        for place in control.implemented
        if is_managed(place.partition(":")[0])
        for detail in [_edit(workshop, place, theirs, result)]
        if detail
    ]
    return SecurityDelta(
        added=[ControlChange(after[name].id, after[name].statement) for name in after if name not in before],
        removed=[ControlChange(before[name].id, before[name].statement) for name in before if name not in after],
        tightened=tightened,
        reopened=reopened,
    )


def _catalogue(workshop: Workshop, tree: Tree) -> dict[str, Control]:
    """The controls of a render by id; older templates render one file of them."""
    texts = {path: workshop.content(entry.blob).decode() for path, entry in tree.items() if is_catalogue(path)}
    try:
        return {control.id: control for control in parse_catalogue(texts)}
    except RefusedError as error:
        raise RenderError(f"The template's controls cannot be read: {error}") from error


def _tightening(old: Control, new: Control, theirs: Tree) -> str:
    """How the newer control claims more, or is verified by more; empty if it does not."""
    if old.statement != new.statement:
        return f"it said: {old.statement}"
    for word, before, after in (
        ("verified by", old.verified, new.verified),
        ("done in", old.implemented, new.implemented),
    ):
        more = [place for place in after if place not in before and place.partition(":")[0] in theirs]
        if more and set(before) <= set(after):
            return f"now also {word} {', '.join(more)}"
    return ""


def _edit(workshop: Workshop, place: str, theirs: Tree, result: Tree) -> str:
    """How the code of a control differs from the template's; empty if it does not."""
    path, _, symbol = place.partition(":")
    template, mine = theirs.get(path), result.get(path)
    if template is None or template == mine:
        return ""
    if mine is None:
        return f"you removed {path}"
    if not symbol or not path.endswith(".py"):
        return f"you edited {path}"
    try:
        wanted, found = (_definition(workshop.content(entry.blob), symbol) for entry in (template, mine))
    except (SyntaxError, ValueError):
        return f"look again once {path} is resolved"
    if found is None:
        return f"{symbol} is gone from {path}"
    return "" if found == wanted else f"you edited {symbol} in {path}"


def _definition(source: bytes, symbol: str) -> str | None:
    """What a dotted name is defined as, without layout and comments; None when it is not defined."""
    node = symbols.find(symbols.parse(source), symbol)
    return ast.dump(node) if node else None
