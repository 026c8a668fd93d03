"""Bytes that a cursor move paints on every screen: the most of them, not only as a rule."""

from __future__ import annotations

from benchmarks.moves import BUDGET
from benchmarks.painted import WALKS, walked


def test_no_move_paints_more_than_two_kilobytes_and_nothing_that_follows_it_does_in_one_piece() -> None:
    walks = [one for one, _ in walked(120, 40)]
    assert {one.screen for one in walks} == {name for name, *_ in WALKS}
    over = {one.screen: one.at_once for one in walks if max(map(sum, one.at_once)) > BUDGET}
    assert not over
    parts = {one.screen: one.with_rest for one in walks if max((0, *sum(one.with_rest, ()))) > BUDGET}
    assert not parts
    still = [one.screen for one in walks if not any(one.with_rest)]
    assert not still
