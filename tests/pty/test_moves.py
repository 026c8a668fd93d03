"""Bytes per cursor move in a real terminal, on every screen; `tui.test_moves` looks at every frame of the app."""

from __future__ import annotations

import statistics

from benchmarks.moves import BUDGET, SCREENS, moves


def test_a_cursor_move_writes_at_most_two_kilobytes_on_every_screen() -> None:
    # What follows a cursor that rests (a preview, a detail) is another content: written once, not per key. On a busy
    # machine some of it may come so late or so early that it is counted with a key: the median has none of it.
    walked = list(moves(120, 40, 3))
    assert [one.screen for one in walked] == [name for name, _, _ in SCREENS]
    over = {one.screen: one.at_once for one in walked if statistics.median(one.at_once) > BUDGET}
    assert not over
    moved = [one.screen for one in walked if any(one.at_once)]
    assert len(moved) >= len(SCREENS) - 1, moved
