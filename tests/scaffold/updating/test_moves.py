"""Where a file is now, by the table of moves and by git's similarity."""

from __future__ import annotations

import pytest

from scaffold.updating.moves import choose_moves


@pytest.mark.parametrize(
    "moves, similar, found",
    [
        ({"a": ["b"]}, {}, {}),
        ({"a": ["b", "c"]}, {}, {"a": "c"}),
        ({"a": ["b"], "b": ["c"]}, {}, {"a": "c"}),
        ({"a": ["b"], "b": ["a"]}, {}, {}),
        ({"a": ["c"]}, {"a": "d"}, {"a": "c"}),
        ({}, {"a": "d"}, {"a": "d"}),
    ],
)
def test_a_file_is_found_after_one_move_or_several(moves, similar, found) -> None:
    assert choose_moves(moves, base={"a"}, theirs={"c", "d"}, similar=similar) == found
