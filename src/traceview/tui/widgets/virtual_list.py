"""A list of any length: a ScrollView that draws the visible lines from pages of rows."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip

from traceview.tui.actions import bindings
from traceview.tui.widgets.columns import GAP, Cell, Column, Placed, column_at, place
from traceview.tui.widgets.list_lines import CSS, GUTTER, PARTS, empty_line, header_segments, row_segments
from traceview.tui.widgets.segments import joined_blanks
from traceview.tui.widgets.sent import Sent
from traceview.tui.widgets.styled_scroll import StyledScroll

Row = dict[str, Any]

PAGE_ROWS = 256
PAGES_KEPT = 16
READ_AHEAD = 64
"""Rows from the edge of a page at which the next page is wanted."""
WHEEL_ROWS = 3


class VirtualList(StyledScroll, can_focus=True):
    """Rows that are fetched a page at a time, under a header line, with a cursor.

    The owner calls `show` with a row count and what it already has, answers `RowsWanted` with `supply`, and
    gives functions that make a row's id and cells. Memory does not depend on the number of rows.
    """

    PART_PREFIX = "virtual-list--"
    PARTIAL_STYLES = True
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"virtual-list--{part}" for part in PARTS}

    DEFAULT_CSS = CSS

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(
            "cursor_down",
            "cursor_up",
            "half_down",
            "half_up",
            "page_down",
            "page_up",
            "cursor_top",
            "cursor_bottom",
        )
    ]

    class RowsWanted(Sent["VirtualList"]):
        """Pages `first` to `last` are needed on the screen (or soon) and not at hand."""

        newest_counts = True

        def __init__(self, rows: VirtualList, version: int, first: int, last: int) -> None:
            super().__init__(rows)
            self.version = version
            self.first = first
            self.last = last

    class CursorMoved(Sent["VirtualList"]):
        """The cursor stands on another row, or its row has arrived."""

        newest_counts = True

    class Opened(Message):
        """The row under the cursor was opened with the mouse."""

    class HeaderClicked(Message):
        """The title of a column was clicked."""

        def __init__(self, column: Column) -> None:
            super().__init__()
            self.column = column

    def __init__(
        self,
        row_id: Callable[[Row], str],
        cells: Callable[[Row], Mapping[str, Cell]],
        *,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._row_id = row_id
        self._cells = cells
        self._columns: tuple[Column, ...] = ()
        self._placed: tuple[Placed, ...] = ()
        self._sort: tuple[str, bool] | None = None
        self._is_marked: Callable[[str], bool] = lambda _: False
        self._pages: OrderedDict[int, Sequence[Row]] = OrderedDict()
        self._count = 0
        self._cursor = 0
        self._empty_text = ""
        self._wanted: tuple[int, int] | None = None
        self.version = 0

    # What the owner asks and tells.

    @property
    def row_count(self) -> int:
        """Rows of the list, at hand or not."""
        return self._count

    @property
    def cursor(self) -> int:
        """The row under the cursor, counted from 0."""
        return self._cursor

    @property
    def top(self) -> int:
        """The first visible row."""
        return int(self.scroll_offset.y)

    @property
    def body_height(self) -> int:
        """Rows that are visible at once."""
        return max(1, self.size.height - 1)

    @property
    def row(self) -> Row | None:
        """The row under the cursor; None while it is being fetched, or without rows."""
        return self.row_at(self._cursor)

    def row_at(self, index: int) -> Row | None:
        """A row by position if it is at hand."""
        page = self._pages.get(index // PAGE_ROWS)
        place_in_page = index % PAGE_ROWS
        return page[place_in_page] if page is not None and place_in_page < len(page) else None

    @property
    def placed(self) -> tuple[Placed, ...]:
        """The columns that have room, with the cells they got."""
        if not self._placed and self.size.width:
            self._placed = place(self._columns, self.size.width - GUTTER - 1)
        return self._placed

    def visible_rows(self) -> list[Row]:
        """The rows on the screen that are at hand, and those of their pages."""
        first, last = self._visible_pages()
        return [row for page in range(first, last + 1) for row in self._pages.get(page, ())]

    def refresh_cells(self, keys: Collection[str], *, bars: bool = False) -> None:
        """Draw the cells of these columns again, or only their bars: nothing else has changed."""
        x, regions = GUTTER, []
        for one in self.placed:
            if one.column.key in keys and (one.bar or not bars):
                skipped = one.cells - one.bar if bars else 0
                regions.append(Region(x + skipped, 1, one.cells - skipped, self.body_height))
            x += one.cells + GAP
        if regions:
            self.refresh(*regions)

    def say_empty(self, text: str) -> None:
        """What stands in the list as long as it has no rows."""
        if text != self._empty_text:
            self._empty_text = text
            if not self._count:
                self.refresh()

    def show(
        self,
        count: int,
        pages: Mapping[int, Sequence[Row]],
        *,
        cursor: int = 0,
        top: int | None = None,
        empty_text: str = "",
        same: int = 0,
    ) -> None:
        """Show another list: its number of rows, the pages that are known, and where the cursor stands.

        The first `same` rows are those that were shown before.
        """
        self.version += 1
        kept = {
            page: rows[: same - page * PAGE_ROWS]
            for page, rows in self._pages.items()
            if page * PAGE_ROWS < same
        }
        self._pages = OrderedDict({**kept, **pages})
        self._count = count
        self._empty_text = empty_text
        self._cursor = max(0, min(cursor, count - 1))
        self._wanted = None
        self.virtual_size = Size(self.size.width, count + 1)
        if top is not None:
            self.scroll_to(y=max(0, min(top, self._last_top)), animate=False, force=True)
        self._scroll_to_cursor()
        self.refresh()
        self._want_rows()
        self.post_message(self.CursorMoved(self))

    def supply(self, version: int, pages: Mapping[int, Sequence[Row]]) -> None:
        """Add pages that were wanted; those of an earlier list are dropped."""
        if version != self.version:
            return
        self._wanted = None
        for page, rows in pages.items():
            self._pages[page] = rows
            self._pages.move_to_end(page)
        while len(self._pages) > PAGES_KEPT:
            self._pages.popitem(last=False)
        first, last = self._visible_pages()
        if any(first <= page <= last for page in pages):
            self.refresh()
        if self._cursor // PAGE_ROWS in pages:
            self.post_message(self.CursorMoved(self))
        self._want_rows()

    def set_columns(self, columns: Sequence[Column], sort: tuple[str, bool] | None) -> None:
        """Set the columns and what the list is sorted by: (field, descending)."""
        if tuple(columns) == self._columns and sort == self._sort:
            return
        self._columns = tuple(columns)
        self._sort = sort
        self._placed = ()
        self.refresh()

    def set_marks(self, is_marked: Callable[[str], bool]) -> None:
        """Set which row ids are marked, and draw it."""
        self._is_marked = is_marked
        self.refresh()

    def put_cursor(self, index: int) -> None:
        """Put the cursor on a row and bring it into sight; only the two changed lines are drawn."""
        index = max(0, min(index, self._count - 1))
        if index == self._cursor:
            self._scroll_to_cursor()
            return
        old, self._cursor = self._cursor, index
        if not self._scroll_to_cursor():
            self._refresh_row(old)
            self._refresh_row(index)
        self._want_rows()
        self.post_message(self.CursorMoved(self))

    # Keys and mouse.

    def action_cursor_down(self) -> None:
        """One row down."""
        self.put_cursor(self._cursor + 1)

    def action_cursor_up(self) -> None:
        """One row up."""
        self.put_cursor(self._cursor - 1)

    def action_half_down(self) -> None:
        """Half a page down."""
        self._jump(max(1, self.body_height // 2))

    def action_half_up(self) -> None:
        """Half a page up."""
        self._jump(-max(1, self.body_height // 2))

    def action_page_down(self) -> None:
        """A page down."""
        self._jump(self.body_height)

    def action_page_up(self) -> None:
        """A page up."""
        self._jump(-self.body_height)

    def action_cursor_top(self) -> None:
        """To the first row."""
        self.put_cursor(0)

    def action_cursor_bottom(self) -> None:
        """To the last row."""
        self.put_cursor(self._count - 1)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the clicked row, open it with a double click, or sort by the clicked title."""
        if event.y == 0:
            column = column_at(self.placed, event.x - GUTTER)
            if column is not None:
                self.post_message(self.HeaderClicked(column))
            return
        index = self.top + event.y - 1
        if not 0 <= index < self._count:
            return
        self.put_cursor(index)
        if event.chain > 1:
            self.post_message(self.Opened())

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll without animation; the cursor stays."""
        self._scroll_rows(event, WHEEL_ROWS)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll without animation; the cursor stays."""
        self._scroll_rows(event, -WHEEL_ROWS)

    def on_resize(self, event: events.Resize) -> None:
        """Keep the cursor in sight when the pane changes its size."""
        self._placed = ()
        self.virtual_size = Size(event.size.width, self._count + 1)
        self._scroll_to_cursor()
        self._want_rows()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Fetch what came into sight."""
        super().watch_scroll_y(old_value, new_value)
        self._want_rows()

    # Bookkeeping.

    @property
    def _last_top(self) -> int:
        return max(0, self._count - self.body_height)

    def _jump(self, rows: int) -> None:
        """Move cursor and window together, so that the cursor keeps its place on the screen."""
        top = max(0, min(self.top + rows, self._last_top))
        index = max(0, min(self._cursor + rows, self._count - 1))
        if top != self.top:
            self.scroll_to(y=top, animate=False, force=True)
        self.put_cursor(index)

    def _scroll_rows(self, event: events.MouseEvent, rows: int) -> None:
        event.prevent_default()
        event.stop()
        self.scroll_to(y=max(0, min(self.top + rows, self._last_top)), animate=False, force=True)

    def _scroll_to_cursor(self) -> bool:
        """Scroll so that the cursor is visible; True if that moved anything."""
        top = self.top
        if self._cursor < top:
            wanted = self._cursor
        elif self._cursor >= top + self.body_height:
            wanted = self._cursor - self.body_height + 1
        else:
            return False
        self.scroll_to(y=wanted, animate=False, force=True)
        return True

    def _refresh_row(self, index: int) -> None:
        y = index - self.top + 1
        if 1 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width - self.scrollbar_size_vertical, 1))

    def _visible_pages(self) -> tuple[int, int]:
        last = max(self.top, min(self.top + self.body_height, self._count) - 1)
        return self.top // PAGE_ROWS, last // PAGE_ROWS

    def _is_whole(self, page: int) -> bool:
        """Whether all rows of a page are at hand."""
        return len(self._pages.get(page, ())) >= min(PAGE_ROWS, self._count - page * PAGE_ROWS)

    def _want_rows(self) -> None:
        """Ask for the visible pages that are missing, else for the neighbour the cursor comes close to."""
        if not self._count:
            return
        first, last = self._visible_pages()
        cursor_page = self._cursor // PAGE_ROWS
        missing = [page for page in range(first, last + 1) if not self._is_whole(page)]
        if not missing and not self._is_whole(cursor_page):
            missing = [cursor_page]
        if not missing:
            pages = (self._count - 1) // PAGE_ROWS
            near = {
                (self.top - READ_AHEAD) // PAGE_ROWS,
                (self.top + self.body_height + READ_AHEAD) // PAGE_ROWS,
            }
            missing = sorted(page for page in near if 0 <= page <= pages and not self._is_whole(page))[:1]
        if not missing:
            return
        wanted = (missing[0], missing[-1])
        if wanted != self._wanted:
            self._wanted = wanted
            self.post_message(self.RowsWanted(self, self.version, *wanted))

    # Drawing.

    def render_line(self, y: int) -> Strip:
        """One line of the pane: the header, a row, or a placeholder."""
        cells = self.size.width
        base = self._style("base")
        if y == 0:
            header = header_segments(self.placed, self._columns, self._sort, self._style)
            return Strip(header).crop_extend(0, cells, None).apply_style(base)
        index = self.top + y - 1
        if index >= self._count:
            text, part = empty_line(self._empty_text, y, cells) if not self._count else ("", "dim")
            return Strip([Segment(text, self._style(part))]).crop_extend(0, cells, None).apply_style(base)
        strip = Strip(joined_blanks(self._row_segments(index))).crop_extend(0, cells, None)
        under_cursor = index == self._cursor
        return strip.apply_style(base + self._style("cursor") if under_cursor else base)

    def _row_segments(self, index: int) -> list[Segment]:
        row = self.row_at(index)
        return row_segments(
            self.placed,
            None if row is None else self._cells(row),
            marked=row is not None and self._is_marked(self._row_id(row)),
            under_cursor=index == self._cursor,
            style_of=self._style,
        )
