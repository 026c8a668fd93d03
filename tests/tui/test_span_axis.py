"""Time in cells: ticks that people count in, bars to an eighth of a cell."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traceview.text.cells import width
from traceview.tui.widgets.span_axis import Axis, bar

MS = 1_000_000
SECOND = 1000 * MS


@pytest.mark.parametrize(
    ("length_ns", "cells", "header"),
    [
        (100 * MS, 30, "0     20ms  40ms  60ms  80ms  "),
        (3 * SECOND, 40, "0     500ms  1s     1.5s  2s     2.5s   "),
        (95 * SECOND, 20, "0     30s   1m      "),
        (1, 10, "0         "),
        (0, 10, "0         "),
        (7200 * SECOND, 30, "0      30m     1h     1h 30m  "),
    ],
)
def test_the_ticks_of_an_axis(length_ns: int, cells: int, header: str) -> None:
    assert Axis(0, length_ns, cells).header() == header


@given(st.integers(0, 10**18), st.integers(0, 200))
def test_ticks_fit_and_stand_apart(length_ns: int, cells: int) -> None:
    axis = Axis(5, length_ns, cells)
    header = axis.header()
    assert len(header) == cells
    for cell, words in axis.ticks():
        assert header[cell : cell + len(words)] == words


@pytest.mark.parametrize(
    ("solid", "text"),
    [
        ([(0, 80)], "██████████"),
        ([(0, 4)], "▌         "),
        ([(0, 20)], "██▌       "),
        ([(4, 20)], "▐█▌       "),
        ([(7, 9)], "▕▏        "),
        ([(79, 80)], "         ▕"),
        ([(10, 10)], " ▏        "),
        ([(80, 80)], "         ▕"),
        ([(0, 8), (16, 24)], "█ █       "),
        ([], "          "),
    ],
)
def test_a_bar_is_exact_to_an_eighth(solid: list[tuple[int, int]], text: str) -> None:
    assert "".join(part for part, _ in bar(Axis(0, 80, 10), [], solid, "llm")) == text


def test_solid_lies_over_thin_and_the_marker_over_both() -> None:
    parts = bar(Axis(0, 80, 10), [(0, 80)], [(16, 32)], "llm", marker_ns=24)
    assert parts == [("┄┄", "thin"), ("█", "llm"), ("┊", "mark"), ("┄┄┄┄┄┄", "thin")]


def test_a_marker_leaves_something_of_a_short_bar() -> None:
    parts = bar(Axis(0, 80, 10), [], [(8, 16)], "llm", marker_ns=12)
    assert "".join(text for text, _ in parts) == " █        "


intervals = st.lists(st.tuples(st.integers(-50, 500), st.integers(-50, 500)), max_size=5)


@given(intervals, intervals, st.integers(1, 60), st.none() | st.integers(-50, 500))
def test_a_bar_has_its_width(
    thin: list[tuple[int, int]], solid: list[tuple[int, int]], cells: int, marker: int | None
) -> None:
    text = "".join(part for part, _ in bar(Axis(0, 400, cells), thin, solid, None, marker))
    assert width(text) == cells
    assert bool(text.strip()) == bool(thin or solid)
