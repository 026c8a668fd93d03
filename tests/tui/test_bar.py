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
        ("saved ✓", "labels.db.txt", "saved ✓   labels.db…"),
        ("", "0123456789abcdefghij", "0123456789abcdefghij"),
        ("0123456789abcdefghij", "", "0123456789abcdefghij"),
    ],
)
async def test_both_sides_fit(left: str, right: str, drawn: str) -> None:
    bar = Bar()
    async with WidgetApp(bar).run_test(size=(20, 1)):
        bar.say([(left, None)] if left else [], [(right, None)] if right else [])
        assert shown(bar) == [drawn]
