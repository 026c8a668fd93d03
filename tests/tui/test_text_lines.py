"""Lines of blocks as they are drawn: what gives way first where there is no room, and what is never cut silently."""

from __future__ import annotations

import pytest

from traceview.tui.span_blocks import fold_line, value_blocks
from traceview.tui.widgets.blocks import Block
from traceview.tui.widgets.text_lines import _divider

TURN = Block(
    "turn 12  2026-11-01 13:27:00  5 min later",
    "divider",
    right="3.4s · 9.0k→130 · $0.0058 · goal-assistant@v3, reviewer@v12 · ✗ 1 error",
)


@pytest.mark.parametrize("room", [40, 60, 78, 100, 140])
def test_a_divider_keeps_its_turn_and_its_error(room: int) -> None:
    line = _divider(TURN, room)
    assert len(line) <= room
    assert line.startswith("── turn 12 ") and line.endswith("✗ 1 error")


def test_versions_give_way_first_then_cost_then_tokens() -> None:
    lines = [_divider(TURN, room) for room in range(140, 40, -1)]
    seen = [tuple(figure in line for figure in ("@v3", "$0.0058", "9.0k")) for line in lines]
    assert [*dict.fromkeys(seen)] == [
        (True, True, True),
        (False, True, True),
        (False, False, True),
        (False, False, False),
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('"Claims need…\\n\\"both\\" forms"', 'Claims need…\n"both" forms'),
        ('"not closed', '"not closed'),
        ('"one" and "two"', '"one" and "two"'),
        ('""', '""'),
    ],
)
def test_a_text_that_is_only_a_json_string_is_shown_as_what_it_says(text: str, shown: str) -> None:
    assert [block.text for block in value_blocks(text)] == [shown]


def test_a_folded_text_says_that_it_goes_on() -> None:
    assert fold_line("system text", "word " * 100).endswith("…")
    assert fold_line("system text", "word").endswith("· word")
