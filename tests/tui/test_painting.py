"""What is written of a frame shows the same as the whole frame would, in fewer bytes."""

from __future__ import annotations

import hashlib
from typing import Any

import pyte
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from traceview.text.cells import width
from traceview.tui.painting import Painted

WIDTH, HEIGHT = 40, 12
STYLES = (
    None,
    Style(bold=True),
    Style(color="red", bgcolor="#010203"),
    Style(color="#112233", underline=True),
    Style(reverse=True),
)
WORDS = ("a", "some words of a line", " ", "          ", "→ ✓ ▌…", "日本語 text", "é à ü", "x" * 40)
NOTHING = ChopsUpdate([], [], [])
CONSOLE = Console(force_terminal=True, color_system="truecolor")


def shown(screen: pyte.Screen) -> list[list[tuple[object, ...]]]:
    """What is seen of each cell: of a blank only what is behind it, unless there are lines or reversed colours."""
    return [[seen(screen.buffer[y][x]) for x in range(screen.columns)] for y in range(screen.lines)]


def seen(cell: Any) -> tuple[object, ...]:
    if cell.data == " " and not (cell.reverse or cell.underscore or cell.strikethrough or cell.blink):
        return (" ", cell.bg)
    return tuple(cell)


def terminal() -> tuple[pyte.Screen, pyte.Stream]:
    screen = pyte.Screen(WIDTH, HEIGHT)
    screen.reset_mode(7 << 5)
    screen.set_mode(pyte.modes.LNM)
    return screen, pyte.Stream(screen)


@st.composite
def strips(draw: st.DrawFn, room: int = WIDTH) -> Strip:
    """A piece of a row that fills its room."""
    segments = []
    for _ in range(draw(st.integers(0, 4))):
        text = draw(st.sampled_from(WORDS))
        while width(text) > room:
            text = text[:-1]
        room -= width(text)
        segments.append(Segment(text, draw(st.sampled_from(STYLES))))
    return Strip([*segments, Segment(" " * room, draw(st.sampled_from(STYLES)))])


@st.composite
def regions(draw: st.DrawFn) -> CompositorUpdate:
    """A rectangle that is drawn again."""
    y, x = draw(st.integers(0, HEIGHT - 1)), draw(st.integers(0, WIDTH - 4))
    rows = draw(st.integers(1, HEIGHT - y))
    return LayoutUpdate([[draw(strips(WIDTH - x))] for _ in range(rows)], Region(x, y, WIDTH - x, rows))


@st.composite
def spans(draw: st.DrawFn) -> CompositorUpdate:
    """Parts of rows that are drawn again, of panes side by side."""
    middle = draw(st.integers(4, WIDTH - 4))
    rows = sorted(draw(st.sets(st.integers(0, HEIGHT - 1), min_size=1, max_size=HEIGHT)))
    chops = [{0: draw(strips(middle)), middle: draw(strips(WIDTH - middle))} for _ in range(HEIGHT)]
    start = draw(st.sampled_from((0, middle)))
    stop = draw(st.sampled_from((middle, WIDTH))) if start == 0 else WIDTH
    return ChopsUpdate(chops, [(y, start, stop) for y in rows], [[middle, WIDTH]] * HEIGHT)


def page(first: int, cursor: int) -> CompositorUpdate:
    """A list scrolled to its row `first`."""
    lines = [[Strip([Segment("heading".ljust(WIDTH), Style(bold=True))])]]
    for y in range(1, HEIGHT):
        text = f"{first + y:3} {hashlib.sha256(bytes([first + y])).hexdigest()}"[: WIDTH - 1]
        bar = Segment("█" if y == cursor else "│", Style(color="#445566"))
        lines.append([Strip([Segment(text, Style(reverse=True) if y == cursor else None), bar])])
    return LayoutUpdate(lines, Region(0, 0, WIDTH, HEIGHT))  # type: ignore[arg-type]


def panes(left: int, right: int, drawn: str) -> CompositorUpdate:
    """Two panes with a frame between them and a scroll bar, each scrolled to a row; only `drawn` of them is."""
    middle = 18 if left % 2 else WIDTH - 3

    def line(of: str, number: int, room: int) -> Strip:
        style = Style(bgcolor="blue") if number % 5 == 0 else None
        return Strip(
            [Segment(f"{number:3} {hashlib.sha256(f'{of}{number}'.encode()).hexdigest()}"[:room], style)]
        )

    chops = [
        {
            0: line("left", left + y, middle),
            middle: Strip([Segment("│", Style(color="#445566"))]),
            middle + 1: line("right", right + y, WIDTH - middle - 2),
            WIDTH - 1: Strip([Segment("█" if y == right else " ", Style(color="red"))]),
        }
        for y in range(HEIGHT)
    ]
    spans = {"left": (0, middle), "right": (middle + 1, WIDTH - 1), "all": (0, WIDTH)}[drawn]
    ends = [[middle, middle + 1, WIDTH - 1, WIDTH]] * HEIGHT
    return ChopsUpdate(chops, [(y, *spans) for y in range(1, HEIGHT)], ends)


def written(painted: Painted, update: CompositorUpdate) -> str:
    return painted.changes(update, (WIDTH, HEIGHT), CONSOLE)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.one_of(
            regions(),
            spans(),
            st.builds(page, st.integers(0, 9), st.integers(1, 9)),
            st.builds(panes, st.integers(0, 6), st.integers(0, 6), st.sampled_from(("left", "right", "all"))),
        ),
        min_size=1,
        max_size=8,
    ),
    st.booleans(),
    st.sampled_from((None, 60, 300)),
)
def test_the_screen_is_the_same(updates: list[CompositorUpdate], erases: bool, at_most: int | None) -> None:
    whole, whole_stream = terminal()
    less, less_stream = terminal()
    painted = Painted(erases=erases)
    for update in updates:
        whole_stream.feed(update.render_segments(CONSOLE))
        less_stream.feed(painted.changes(update, (WIDTH, HEIGHT), CONSOLE, at_most))
        if update is updates[-1] or not at_most:
            while painted.owes:
                less_stream.feed(painted.changes(NOTHING, (WIDTH, HEIGHT), CONSOLE, at_most))
            assert shown(less) == shown(whole)


def test_what_takes_too_many_bytes_is_written_in_parts_what_is_new_first() -> None:
    painted = Painted()
    written(painted, page(0, 3))
    parts = [painted.changes(panes(1, 1, "all"), (WIDTH, HEIGHT), CONSOLE, 200)]
    assert painted.owes
    # Row 9 changes while most is owed: it is written before that.
    row = Strip([Segment("another row 9".ljust(WIDTH))])
    parts.append(
        painted.changes(LayoutUpdate([[row]], Region(0, 9, WIDTH, 1)), (WIDTH, HEIGHT), CONSOLE, 200)
    )
    assert "another row 9" in parts[-1]
    while painted.owes:
        parts.append(painted.changes(NOTHING, (WIDTH, HEIGHT), CONSOLE, 200))
    assert len(parts) > 2
    assert all(0 < len(part.encode()) <= 200 for part in parts)


def test_what_stands_beside_scrolled_rows_stays_where_it_was() -> None:
    for left in (1, 2):
        whole, whole_stream = terminal()
        less, less_stream = terminal()
        painted = Painted()
        for update in (panes(left, 1, "all"), panes(left + 2, 1, "left")):
            whole_stream.feed(update.render_segments(CONSOLE))
            less_stream.feed(written(painted, update))
        assert shown(less) == shown(whole)


def test_what_stands_right_of_a_text_of_doubtful_width_is_written_again() -> None:
    painted = Painted()
    family = "👩‍👩‍👧 name"

    def row(text: str) -> CompositorUpdate:
        return ChopsUpdate(
            [{0: Strip([Segment(text)]), 20: Strip([Segment("│ beside".ljust(20))])}],
            [(0, 0, 20)],
            [[20, WIDTH]],
        )

    both = LayoutUpdate(
        [[Strip([Segment("plain".ljust(20))]), Strip([Segment("│ beside".ljust(20))])]],
        Region(0, 0, WIDTH, 1),
    )
    written(painted, both)
    assert "│ beside" in written(painted, row(family + " " * (20 - width(family))))


def test_nothing_is_written_for_what_is_shown_already() -> None:
    painted = Painted()
    written(painted, page(0, 3))
    assert written(painted, page(0, 3)) == ""
    painted.forget()
    assert len(written(painted, page(0, 3))) > WIDTH * (HEIGHT - 1)


def test_a_moved_cursor_costs_two_rows_and_a_scrolled_list_one() -> None:
    painted = Painted()
    whole = len(written(painted, page(0, 3)))
    assert len(written(painted, page(0, 4))) < whole / 4
    written(painted, page(0, 9))
    scrolled = written(painted, page(1, 9))
    assert "\x1b[1M" in scrolled
    assert len(scrolled) < whole / 2
    assert "\x1b[2L" in written(painted, page(0, 9)).replace("\x1b[1L", "\x1b[2L")


def test_what_acts_is_not_written_whoever_drew_it() -> None:
    row = Strip([Segment("a\x1b[2Jb\u202ec\x9b\ud800\r\n".ljust(WIDTH))])
    assert written(Painted(), LayoutUpdate([[row]], Region(0, 0, WIDTH, 1))).endswith(
        "a\ufffd[2Jb\ufffdc\ufffd\ufffd\ufffd\ufffd".ljust(WIDTH - 1) + " "
    )
