"""A bar of one line: both sides are whole while they fit, and what just happened is read before where labels go."""

from __future__ import annotations

import pytest

from traceview.tui.widgets.lines import Bar
from tui.widget_app import WidgetApp, shown


@pytest.mark.parametrize(
    ("left", "right", "drawn"),
    [
        ("saved", "beside.db", "saved      beside.db"),
        ("0123456789", "beside.db", "0123456789 beside.db"),
        # Side by side they fill the line to the cell: the right gives way.
        ("saved ✓", "labels.db.txt", "saved ✓ labels.db.t…"),
        ("", "0123456789abcdefghij", "0123456789abcdefghij"),
        ("0123456789abcdefghij", "", "0123456789abcdefghij"),
    ],
)
async def test_both_sides_fit(left: str, right: str, drawn: str) -> None:
    bar = Bar()
    async with WidgetApp(bar).run_test(size=(20, 1)):
        bar.say([(left, None)] if left else [], [(right, None)] if right else [])
        assert shown(bar) == [drawn]


@pytest.mark.parametrize(
    ("facts", "right", "drawn"),
    [
        (["2 turns", "49s", "$0.01"], "", " 2 turns  49s       "),
        (["2 turns", "1s", "$0.1"], "", " 2 turns  1s  $0.1  "),
        (["2 turns", "49s", "$0.01"], "turn 11", " 2 turns     turn 11"),
        (["2 turns", "49s", "$0.01"], "of 3", " 2 turns  49s   of 3"),
        (["2 turns", "49s", "$0.01"], "turn 1", " 2 turns  49s turn 1"),
        (["a fact that is too long"], "", " a fact that is too…"),
    ],
)
async def test_facts_are_whole_or_not_there(facts: list[str], right: str, drawn: str) -> None:
    bar = Bar()
    async with WidgetApp(bar).run_test(size=(20, 1)):
        bar.say_facts([[(fact, None)] for fact in facts], [(right, None)] if right else [])
        assert [line.ljust(20) for line in shown(bar)] == [drawn]
