"""The virtual list: any number of rows, few of them in memory, two lines drawn per move."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.geometry import Region

from traceview.tui.themes import DEFAULT_VARIABLES
from traceview.tui.widgets.columns import GAP, Cell, Column, place
from traceview.tui.widgets.virtual_list import PAGE_ROWS, PAGES_KEPT, VirtualList

COLUMNS = (Column("id", "id", 8), Column("text", "text", 10, flex=1, sort="text"))


def page_of(number: int, count: int) -> list[dict[str, Any]]:
    stop = min(count, (number + 1) * PAGE_ROWS)
    return [{"id": f"r{index}", "text": f"row {index}"} for index in range(number * PAGE_ROWS, stop)]


class ListApp(App[None]):
    """One list, whose wishes are kept and, unless told otherwise, fulfilled."""

    def __init__(self, count: int, *, answers: bool = True) -> None:
        super().__init__()
        self.count = count
        self.answers = answers
        self.wishes: list[tuple[int, int]] = []
        self.moves = 0

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return DEFAULT_VARIABLES

    def compose(self) -> ComposeResult:
        yield VirtualList(lambda row: str(row["id"]), lambda row: {key: Cell(row[key]) for key in row})

    def on_mount(self) -> None:
        self.animation_level = "none"
        self.list.set_columns(COLUMNS, ("text", True))
        self.list.focus()
        self.list.show(self.count, {0: page_of(0, self.count)})

    @property
    def list(self) -> VirtualList:
        return self.query_one(VirtualList)

    def on_virtual_list_rows_wanted(self, message: VirtualList.RowsWanted) -> None:
        self.wishes.append((message.first, message.last))
        if self.answers:
            pages = {number: page_of(number, self.count) for number in range(message.first, message.last + 1)}
            self.list.supply(message.version, pages)

    def on_virtual_list_cursor_moved(self) -> None:
        self.moves += 1

    def lines(self) -> list[str]:
        return [self.list.render_line(y).text for y in range(self.list.size.height)]


async def test_a_million_rows_are_a_few_pages() -> None:
    app = ListApp(1_000_000)
    async with app.run_test(size=(40, 20)) as pilot:
        assert app.wishes == []
        for _ in range(3 * PAGES_KEPT):
            app.list.put_cursor(app.list.cursor + 5 * PAGE_ROWS)
            await pilot.pause()
        assert app.list.row == {"id": f"r{app.list.cursor}", "text": f"row {app.list.cursor}"}
        assert len(app.list._pages) <= PAGES_KEPT
        await pilot.press("G")
        await pilot.pause()
        assert app.list.row == {"id": "r999999", "text": "row 999999"}
        assert "row 999999" in app.lines()[-1]
        await pilot.press("g")
        assert app.list.cursor == 0 and "row 0" in app.lines()[1]


async def test_a_cursor_move_draws_two_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    app = ListApp(1000)
    async with app.run_test(size=(40, 20)) as pilot:
        drawn: list[tuple[Region, ...]] = []
        original = VirtualList.refresh

        def refresh(self: VirtualList, *regions: Region, **options: Any) -> VirtualList:
            drawn.append(regions)
            return original(self, *regions, **options)

        monkeypatch.setattr(VirtualList, "refresh", refresh)
        await pilot.press("j")
        assert drawn == [(Region(0, 1, 40 - 1, 1),), (Region(0, 2, 40 - 1, 1),)]


@pytest.mark.parametrize(
    ("keys", "cursor", "top"),
    [
        ("j", 1, 0),
        ("j j k", 1, 0),
        ("k", 0, 0),
        ("ctrl+d", 9, 9),
        ("ctrl+d ctrl+u", 0, 0),
        ("pagedown", 19, 19),
        ("pagedown pageup", 0, 0),
        ("G", 499, 481),
        ("end k", 498, 481),
        ("G home", 0, 0),
        ("G ctrl+d", 499, 481),
        ("j j j pagedown", 22, 19),
    ],
)
async def test_keys_move_cursor_and_window(keys: str, cursor: int, top: int) -> None:
    app = ListApp(500)
    async with app.run_test(size=(40, 20)) as pilot:
        await pilot.press(*keys.split())
        assert (app.list.cursor, app.list.top) == (cursor, top)


async def test_a_row_that_is_not_there_yet_is_a_placeholder_then_the_row() -> None:
    app = ListApp(2000, answers=False)
    async with app.run_test(size=(40, 20)) as pilot:
        await pilot.press("G")
        await pilot.pause()
        assert app.list.row is None
        assert "····" in app.lines()[-1]
        assert app.wishes[-1] == (7, 7)
        app.list.supply(app.list.version, {7: page_of(7, 2000)})
        assert "row 1999" in app.lines()[-1]
        assert app.list.row == {"id": "r1999", "text": "row 1999"}


async def test_pages_of_an_earlier_list_are_dropped() -> None:
    app = ListApp(2000, answers=False)
    async with app.run_test(size=(40, 20)) as pilot:
        await pilot.press("G")
        old = app.list.version
        app.list.show(2000, {}, cursor=1999)
        app.list.supply(old, {7: page_of(7, 2000)})
        assert app.list.row is None


async def test_the_neighbour_page_is_fetched_before_it_is_needed() -> None:
    app = ListApp(2000)
    async with app.run_test(size=(40, 20)) as pilot:
        app.list.put_cursor(PAGE_ROWS - 40)
        await pilot.pause()
        assert app.wishes == [(1, 1)]


async def test_showing_again_keeps_cursor_and_window() -> None:
    app = ListApp(2000)
    async with app.run_test(size=(40, 20)) as pilot:
        app.list.show(1500, {0: page_of(0, 1500)}, cursor=100, top=95)
        await pilot.pause()
        assert (app.list.cursor, app.list.top) == (100, 95)
        app.list.show(3, {0: page_of(0, 3)}, cursor=100, top=95)
        await pilot.pause()
        assert (app.list.cursor, app.list.top) == (2, 0)
        app.list.show(0, {}, empty_text="No rows match.")
        await pilot.pause()
        assert app.list.row is None
        assert "No rows match." in "\n".join(app.lines())
        await pilot.press("j", "G", "ctrl+d", "enter")


async def test_the_cursor_stays_in_sight_when_the_pane_shrinks() -> None:
    app = ListApp(500)
    async with app.run_test(size=(40, 20)) as pilot:
        app.list.put_cursor(18)
        await pilot.resize_terminal(40, 8)
        await pilot.pause()
        assert app.list.top <= 18 < app.list.top + app.list.body_height


async def test_the_mouse_moves_opens_and_sorts() -> None:
    app = ListApp(500)
    heard: list[Any] = []
    app_type = type(app)
    async with app.run_test(size=(40, 20)) as pilot:
        await pilot.click(VirtualList, offset=(5, 4))
        assert app.list.cursor == 3
        app_type.on_virtual_list_opened = lambda self: heard.append("opened")  # type: ignore[attr-defined]
        app_type.on_virtual_list_header_clicked = lambda self, message: heard.append(message.column.key)  # type: ignore[attr-defined]
        try:
            await pilot.click(VirtualList, offset=(5, 4), times=2)
            await pilot.click(VirtualList, offset=(14, 0))
        finally:
            del app_type.on_virtual_list_opened, app_type.on_virtual_list_header_clicked  # type: ignore[attr-defined]
        assert heard == ["opened", "text"]


async def test_marks_and_the_sorted_column_are_glyphs() -> None:
    app = ListApp(5)
    async with app.run_test(size=(40, 20)) as pilot:
        await pilot.pause()
        app.list.set_marks(lambda row_id: row_id == "r2")
        header, *rows = app.lines()
        assert "text ▼" in header
        assert ["●" in row for row in rows[:5]] == [False, False, True, False, False]
        assert rows[0].startswith("▌")


@st.composite
def some_columns(draw: st.DrawFn) -> tuple[Column, ...]:
    count = draw(st.integers(1, 9))
    return tuple(
        Column(
            str(n), str(n), draw(st.integers(1, 20)), draw(st.integers(0, 3)), rank=draw(st.integers(0, 5))
        )
        for n in range(count)
    )


def needed(columns: Iterable[Column]) -> int:
    widths = [column.width for column in columns]
    return sum(widths) + GAP * (len(widths) - 1)


@given(some_columns(), st.integers(1, 300))
def test_columns_share_the_room(columns: tuple[Column, ...], room: int) -> None:
    placed = place(columns, room)
    kept = [one.column for one in placed]
    assert kept == [column for column in columns if column in kept]
    assert all(one.cells >= one.column.width for one in placed)
    used = sum(one.cells for one in placed) + GAP * (len(placed) - 1)
    if any(column.flex for column in kept):
        assert used == max(room, needed(kept))
    assert {column for column in columns if column.rank == 0} <= set(kept) or len(kept) == 1
    if needed(kept) > room and len(kept) > 1:
        assert all(column.rank == 0 for column in kept)
