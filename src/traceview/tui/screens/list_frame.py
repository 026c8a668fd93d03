"""The frame of a list screen: its state, its rows and where they come from, heads, preview, the pulse."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.css.query import NoMatches

from traceview.store.interface import SortKey
from traceview.text import human
from traceview.tui import listing
from traceview.tui.actions import Area, bindings_for
from traceview.tui.context import AppContext
from traceview.tui.panels.preview import RowPreview
from traceview.tui.rows import ListLevel, Row, line_of, row_id
from traceview.tui.screens.list_heads import (
    count_parts,
    engine_parts,
    failure_text,
    tab_parts,
    title_parts,
    totals_line,
)
from traceview.tui.screens.list_loading import SOON_SECONDS, LoadingList
from traceview.tui.widgets.filter_bar import FilterBar
from traceview.tui.widgets.lines import Lines, Part
from traceview.tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from traceview.store.interface import EngineStatus

PULSE_SECONDS = 0.5
SOURCE_EVERY = 4
"""Pulses between two looks at the source's files; labels are looked at in each."""
BESIDE_WIDTH = 160
"""From so many cells on the preview stands beside the rows."""
ROOM_WIDTH = 81
"""From so many cells on there is a preview without asking for it."""
LOW_HEIGHT = 16
"""Below so many lines the totals leave theirs to the rows."""


class ListFrame(LoadingList):
    """What is seen of one of the two lists: filter, rows, totals, preview, heads, status.

    `FilteredList` adds the keys of the filter, `ListScreen` the others.
    """

    AREA: ClassVar[Area] = "list"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_for("app", "list")]

    SPLIT = ("#rows", "#preview")
    DEFAULT_CSS = """
    ListFrame {
        & #body { height: 1fr; layout: vertical; }
        & #rows { height: 1fr; }
        & #totals { height: 1; background: $surface; }
        & #preview {
            height: 10;
            padding: 0 1;
            border-top: solid $divider;
            background: $background;
        }
        &.-beside #body { layout: horizontal; }
        &.-beside #rows { width: 1fr; }
        &.-beside #preview {
            width: 26%;
            min-width: 44;
            height: 1fr;
            border-top: none;
            border-left: solid $divider;
        }
        &.-no-preview #preview { display: none; }
        &.-maximised #preview { display: none; }
        &.-low #totals { display: none; }
    }
    """

    def __init__(
        self,
        context: AppContext,
        level: ListLevel,
        *,
        filter_text: str = "",
        sort: SortKey | None = None,
        row: str | None = None,
        preview: bool | None = None,
    ) -> None:
        super().__init__(context, level, filter_text=filter_text, sort=sort, row=row)
        self.preview_wanted = preview
        """Whether the preview is shown; None shows it where there is room."""
        self._failed = False
        """Whether the source could not be read: nothing counts then."""
        self._pulses = 0
        self._content: int | None = None
        """The content of the source when what stands beside rows, and the texts of the preview, were asked for."""

    # Building.

    def compose_body(self) -> ComposeResult:
        """The filter over the rows over (or beside) the preview, the totals under them."""
        yield FilterBar(self.filter_text, id="filter")
        with Container(id="body"):
            yield VirtualList(partial(row_id, self.level), self._cells, id="rows")
            yield RowPreview(self.context.engine, self.level, id="preview")
        yield Lines(id="totals")

    def on_resize(self, event: events.Resize) -> None:
        """Put the preview beside the rows where there is room, and the totals away where there is little."""
        super().on_resize(event)
        self.set_class(event.size.width >= BESIDE_WIDTH, "-beside")
        self.set_class(event.size.height < LOW_HEIGHT, "-low")
        self._show_or_hide_preview()
        self.call_after_refresh(self._show_head)
        self.call_after_refresh(self.ask_extras)

    def _show_or_hide_preview(self) -> None:
        wanted = self.preview_wanted
        shown = self.size.width >= ROOM_WIDTH if wanted is None else wanted
        self.set_class(not shown, "-no-preview")

    @property
    def preview(self) -> RowPreview:
        """The pane that shows what the row under the cursor says."""
        return self.query_one("#preview", RowPreview)

    def on_mount(self) -> None:
        """Ask for the first rows."""
        self.filter_bar.is_settled = self._is_settled
        self.rows.focus()
        self._show_columns()
        self._show_head()
        self._show_engine_status(self.context.engine.status())
        self.begin_filter(self.rows)
        self.reload(first=True)
        self.set_interval(PULSE_SECONDS, self._feel_pulse)

    @property
    def last_row(self) -> str | None:
        """The id of the row the cursor was on, also after the screen is gone."""
        return self._last_row

    # The pulse: labels of other apps, arriving rows, the index.

    def _feel_pulse(self) -> None:
        if self.is_asking("pulse") or not self.is_mounted or not self.is_on_top:
            return
        self._pulses += 1
        engine, look = self.context.engine, self.following or self._pulses % SOURCE_EVERY == 0
        self.ask("pulse", lambda token: listing.pulse(engine, look_at_source=look), self._take_pulse)

    def _take_pulse(self, found: listing.Pulse) -> None:
        self._show_engine_status(found.status)
        if found.status.content != self._content and found.status.phase == "ready":
            self._content = found.status.content
            self.forget_extras()
            self.preview.forget()
        if self.search_stopped:
            return
        if found.generation != self._generation and not self.is_asking("select"):
            self.reload(first=self.selection is None)
        elif found.status.phase in ("indexing", "converting") and self.selection is None:
            self.set_timer(SOON_SECONDS, self._feel_pulse)

    def on_screen_suspend(self) -> None:
        """A search that goes on lets the screen in front have the machine; it is taken up again later."""
        self.pause_search()

    def on_screen_resume(self) -> None:
        """Show what changed while another screen was in front."""
        if self.is_mounted:
            self._take_followed()
        if self.is_mounted and self._generation != -1:
            self.resume_search()
            self._show_columns()
            self.preview.show_row(self.rows.row, self._neighbours(), blind=self.blind)
            self._feel_pulse()

    def _marked_count(self) -> int:
        return self.marks.count(len(self.selection) if self.selection is not None else 0)

    # Heads and status.

    @property
    def _noun(self) -> str:
        return self.level

    @property
    def _empty_text(self) -> str:
        status = self.context.engine.status()
        if status.phase == "failed":
            return failure_text(status)
        if self.searched is not None:
            return f"No {self._noun} found yet: {human.share_done(self.searched)} of the texts searched."
        if self.filter_text or self.only_marked is not None:
            return f"No {self._noun} match this filter."
        if status.phase == "ready" and not status.spans:
            return f"There are no {self._noun} here yet. What arrives is shown by itself."
        return f"There are no {self._noun} here."

    def _show_head(self) -> None:
        try:
            self._show_title()
        except NoMatches:
            return
        selected = len(self.selection) if self.selection is not None else None
        self.filter_bar.set_right(
            count_parts(
                self._noun,
                self._of,
                selected,
                self.rows.row_count,
                self._first_complete,
                failed=self._failed,
                searched=self.searched,
                stopped=self.search_stopped,
            )
        )
        self._show_totals_line()

    def _show_totals_line(self) -> None:
        if not self.is_mounted:
            return
        shown, known = len(self.rows.placed), len(self._columns.shown(blind=self.blind))
        key = self.key_of("columns")
        line = self.query_one("#totals", Lines)
        line.show([totals_line(self.totals, (shown, known), key, line.size.width, failed=self._failed)])

    def _show_title(self) -> None:
        only = self.only_marked is not None
        left = title_parts(self.context.source_title, self._marked_count(), only_marked=only)
        self.set_title(left, tab_parts(self.level, self.size.width, left))

    def _show_engine_status(self, status: EngineStatus) -> None:
        following: list[Part] = [(" · following", "accent")] if self.following else []
        self.set_status(
            [*engine_parts(status), *following], [(f"{line_of(self.context.label_place)} ", "dim")]
        )
        failed = status.phase == "failed"
        if failed:
            self.rows.say_empty(failure_text(status))
        if failed != self._failed:
            self._failed = failed
            self._show_head()

    def _show_columns(self) -> None:
        sort = (self.sort.field, self.sort.descending) if self.sort else ("start_time", True)
        columns = self._columns.shown(blind=self.blind)
        self._cells.fields = tuple(column.key for column in columns)
        self.rows.set_columns(columns, sort)
        self._show_totals_line()

    # The preview.

    @on(VirtualList.CursorMoved)
    def follow_cursor(self, message: VirtualList.CursorMoved) -> None:
        """The preview follows the cursor once it rests."""
        message.stop()
        row = self.rows.row
        if row is not None:
            self._last_row = row_id(self.level, row)
        self.preview.follow(row if self.rows.row_count else None, self._neighbours(), blind=self.blind)

    def _neighbours(self) -> list[Row]:
        """The rows that a key may bring next."""
        rows, cursor = self.rows, self.rows.cursor
        return [row for at in (cursor + 1, cursor - 1) if at >= 0 and (row := rows.row_at(at)) is not None]
