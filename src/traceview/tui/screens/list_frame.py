"""The frame of a list screen: its state, its rows and where they come from, heads, preview, the pulse."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.css.query import NoMatches

from traceview.model.errors import BadInput, NotReady, TraceviewError
from traceview.store.interface import ListQuery, Page, SortKey, Totals
from traceview.tui import listing
from traceview.tui.actions import Area, bindings_for
from traceview.tui.context import AppContext
from traceview.tui.marks import Marks
from traceview.tui.panels.preview import RowPreview
from traceview.tui.rows import ListLevel, Row, cells_of, line_of, row_id
from traceview.tui.screens.base import TraceviewScreen
from traceview.tui.screens.list_heads import (
    ListColumns,
    count_parts,
    engine_parts,
    tab_parts,
    title_parts,
)
from traceview.tui.widgets.filter_bar import FilterBar, Problem
from traceview.tui.widgets.lines import Pane
from traceview.tui.widgets.virtual_list import PAGE_ROWS, VirtualList

if TYPE_CHECKING:
    from traceview.filters.ast import Node
    from traceview.store.interface import EngineStatus, Selection

PREVIEW_PAUSE = 0.08
"""Seconds that the cursor rests on a row before the preview shows it: keys in a row paint only their rows."""
PULSE_SECONDS = 0.5
SOON_SECONDS = 0.1
"""Until the next pulse while the index is not ready: a small one comes at once."""
SOURCE_EVERY = 4
"""Pulses between two looks at the source's files; labels are looked at in each."""


class ListFrame(TraceviewScreen):
    """Owns the query of one of the two lists; the virtual list gets rows from it.

    `FilteredList` adds the keys of the filter, `ListScreen` the others.
    """

    AREA: ClassVar[Area] = "list"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_for("app", "list")]

    DEFAULT_CSS = """
    ListFrame {
        & #body { height: 1fr; layout: vertical; }
        & #rows { height: 1fr; }
        & #preview {
            height: 10;
            padding: 0 1;
            border-top: solid $surface-lighten-1;
            background: $background;
        }
        &.-very-wide #body { layout: horizontal; }
        &.-very-wide #rows { width: 1fr; }
        &.-very-wide #preview {
            width: 34%;
            height: 1fr;
            border-top: none;
            border-left: solid $surface-lighten-1;
        }
        &.-narrow #preview { display: none; }
        &.-maximised #preview { display: none; }
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
    ) -> None:
        super().__init__(context)
        self.level: ListLevel = level
        self.filter_text = filter_text
        self.sort = sort
        self.selection: Selection | None = None
        self.totals: Totals | None = None
        self.marks = Marks()
        self._node: Node | None = None
        self._wanted_row = row
        self._last_row = row
        self._generation = -1
        self._first_complete = False
        self._applied: tuple[str, Node | None] | None = None
        """The filter of the rows that are shown, once all of them are known."""
        self._refused: tuple[str, str] | None = None
        """A filter that the engine cannot apply here, and why."""
        self._columns = ListColumns(level, context)
        self._pulses = 0
        self._home = 0
        """Where the cursor stood when the list was asked for, or was put by the first rows."""
        self._was_loaded = False

    # Building.

    def compose_body(self) -> ComposeResult:
        """The filter over the rows over (or beside) the preview."""
        yield FilterBar(self.filter_text, id="filter")
        with Container(id="body"):
            yield VirtualList(
                partial(row_id, self.level), cells_of(self.level, self.context.annotator_name), id="rows"
            )
            yield RowPreview(self.level, id="preview")

    def on_mount(self) -> None:
        """Ask for the first rows."""
        self.filter_bar.gives_focus_to = self.rows
        self.filter_bar.problem_of = self._problem_of
        self.rows.focus()
        self._show_columns()
        self._show_head()
        self._show_engine_status(self.context.engine.status())
        if not self._parse(self.filter_text):
            # One that was kept from another day may be none any more.
            self.filter_text = ""
            self._parse(self.filter_bar.text)
        self.reload(first=True)
        self.set_interval(PULSE_SECONDS, self._feel_pulse)

    @property
    def rows(self) -> VirtualList:
        """The list itself."""
        return self.query_one("#rows", VirtualList)

    @property
    def filter_bar(self) -> FilterBar:
        """The filter's line and field."""
        return self.query_one("#filter", FilterBar)

    @property
    def query_now(self) -> ListQuery:
        """What the list shows."""
        return ListQuery(self.level, self._node, (self.sort,) if self.sort else ())

    @property
    def last_row(self) -> str | None:
        """The id of the row the cursor was on, also after the screen is gone."""
        return self._last_row

    # The pulse: labels of other apps, arriving rows, the index.

    def _feel_pulse(self) -> None:
        if self.is_asking("pulse") or self.app.screen is not self or not self.is_mounted:
            return
        self._pulses += 1
        engine, look = self.context.engine, self._pulses % SOURCE_EVERY == 0
        self.ask("pulse", lambda token: listing.pulse(engine, look_at_source=look), self._take_pulse)

    def _take_pulse(self, found: listing.Pulse) -> None:
        self._show_engine_status(found.status)
        if found.generation != self._generation and not self.is_asking("select"):
            self.reload(first=self.selection is None)
        elif found.status.phase in ("indexing", "converting") and self.selection is None:
            self.set_timer(SOON_SECONDS, self._feel_pulse)

    def on_screen_resume(self) -> None:
        """Show what changed while another screen was in front."""
        if self.is_mounted and self._generation != -1:
            self._show_columns()
            self._show_preview(self.rows.cursor)
            self._feel_pulse()

    def _parse(self, text: str) -> bool:
        """Take the filter's tree; False (and a sentence under its column) if it has none."""
        node, problem = self._read_filter(text)
        if problem is None:
            self._node = node
            self._refused = None
        self.filter_bar.show_error(problem)
        return problem is None

    def _read_filter(self, text: str) -> tuple[Node | None, Problem | None]:
        """The tree of a filter, or what is wrong with it."""
        from traceview.filters.errors import FilterError
        from traceview.filters.parser import parse

        try:
            return parse(text), None
        except FilterError as error:
            return None, Problem(error.problem, error.column, self.filter_text)

    def _problem_of(self, text: str) -> Problem | None:
        """Why a text is no filter here: it cannot be read, or the engine refused it."""
        if self._refused is not None and self._refused[0] == text:
            return Problem(self._refused[1], None, self.filter_text)
        return self._read_filter(text)[1]

    def _marked_count(self) -> int:
        return self.marks.count(len(self.selection) if self.selection is not None else 0)

    # Heads and status.

    @property
    def _noun(self) -> str:
        return self.level

    @property
    def _empty_text(self) -> str:
        return (
            f"No {self._noun} match this filter." if self.filter_text else f"There are no {self._noun} here."
        )

    def _show_head(self) -> None:
        try:
            self._show_title()
        except NoMatches:
            return
        selected = len(self.selection) if self.selection is not None else None
        self.filter_bar.set_right(
            count_parts(self._noun, self.totals, selected, self.rows.row_count, self._first_complete)
        )

    def _show_title(self) -> None:
        left = title_parts(self.context.source_title, self.totals, self._marked_count())
        self.set_title(left, tab_parts(self.level))

    def _show_engine_status(self, status: EngineStatus) -> None:
        self.set_status(engine_parts(status), [(f"{line_of(self.context.label_sentence)} ", "dim")])

    def _take_score_names(self, rows: Sequence[Row]) -> None:
        """A column for every definition that has human labels among the rows seen so far."""
        if not self.blind and self._columns.learn(rows):
            self._show_columns()

    def _show_columns(self) -> None:
        sort = (self.sort.field, self.sort.descending) if self.sort else ("start_time", True)
        self.rows.set_columns(self._columns.shown(blind=self.blind), sort)

    @on(VirtualList.CursorMoved)
    def show_preview(self, message: VirtualList.CursorMoved) -> None:
        """The preview follows the cursor once it rests."""
        message.stop()
        row = self.rows.row
        if row is not None:
            self._last_row = row_id(self.level, row)
        self.set_timer(PREVIEW_PAUSE, partial(self._show_preview, self.rows.cursor))

    def _show_preview(self, cursor: int) -> None:
        if cursor != self.rows.cursor:
            return
        preview = self.query_one("#preview", RowPreview)
        if self.rows.row_count:
            preview.show_row(self.rows.row, blind=self.blind)
        else:
            preview.show([])

    @on(Pane.Resized)
    def wrap_preview(self) -> None:
        """Wrap the preview anew."""
        self._show_preview(self.rows.cursor)
