"""Bytes per cursor move on every screen of the app, in a real terminal."""

from __future__ import annotations

from benchmarks.moves import BUDGET, SCREENS, moves


def test_a_cursor_move_writes_at_most_two_kilobytes_on_every_screen() -> None:
    # What follows a cursor that rests (a preview, a detail) is another content: once, not per key. The first
    # frame of a screen may still be on its way when the first key is pressed.
    walked = list(moves(120, 40, 6))
    assert [one.screen for one in walked] == [name for name, _, _ in SCREENS]
    over = {one.screen: one.at_once for one in walked if max(one.at_once[1:]) > BUDGET}
    assert not over
    moved = [one.screen for one in walked if any(one.at_once)]
    assert len(moved) >= len(SCREENS) - 1, moved
