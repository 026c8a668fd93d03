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

    @property
    def row_now(self) -> str | None:
        """The id of the row under the cursor."""
        row = self.rows.row
        return row_id(self.level, row) if row is not None else self._wanted_row

    # Loading.

    def reload(self, *, first: bool = False, delay: float = 0.0, top: bool = False) -> None:
        """Ask for the list again; the cursor stays on its row unless `top`."""
        query = self.query_now
        engine = self.context.engine
        rows = self.rows
        keep = None if top else self.row_now
        line = rows.cursor - rows.top
        height = max(rows.body_height, self.size.height)
        self._home = rows.cursor
        self._generation = engine.generation
        if first or self.selection is None:
            self.ask(
                "first",
                lambda token: engine.first_page(query, PAGE_ROWS, token),
                partial(self._show_first, keep),
                delay=delay,
            )
        applied = self.filter_text, self._node
        self.ask(
            "select",
            lambda token: listing.load(engine, query, keep, line, height, token),
            partial(self._show_loaded, applied),
            failed=self._selection_failed,
            delay=delay,
        )
        self.ask(
            "totals",
            lambda token: engine.totals(query, token),
            self._show_totals,
            failed=self._no_totals,
            delay=delay,
        )
        self._show_head()

    def _show_first(self, keep: str | None, page: Page) -> None:
        """Rows that came before the whole list is known."""
        if self.is_asking("select") or self.selection is None:
            self._first_complete = page.complete and len(page.rows) < PAGE_ROWS
            cursor = 0
            for index, row in enumerate(page.rows):
                if row_id(self.level, row) == keep:
                    cursor = index
            self.selection = None
            self._home = cursor
            self._take_score_names(page.rows)
            self.rows.show(len(page.rows), {0: page.rows}, cursor=cursor, empty_text=self._empty_text)
            self._show_head()

    def first_loaded(self) -> None:
        """The whole list is there for the first time."""

    def _show_loaded(self, applied: tuple[str, Node | None], loaded: listing.Loaded) -> None:
        """The whole list, with the visible rows; the cursor keeps the way it went while they were fetched."""
        self.cancel_asked("first")
        self._applied = applied
        moved = self.rows.cursor - self._home if loaded.found else 0
        if not self._was_loaded:
            self._was_loaded = True
            self.call_after_refresh(self.first_loaded)
        self.selection = loaded.selection
        self._generation = loaded.selection.generation
        for rows in loaded.pages.values():
            self._take_score_names(rows)
        self.rows.show(
            len(loaded.selection),
            loaded.pages,
            cursor=loaded.cursor + moved,
            top=loaded.top + moved,
            empty_text=self._empty_text,
        )
        self._wanted_row = None
        self._show_head()

    def _selection_failed(self, error: TraceviewError) -> None:
        """Before the index is ready there is only the first page; the list is asked for again once it is.

        Whatever else went wrong is said once, and asked again only when the answer may be another one.
        """
        if isinstance(error, NotReady):
            self.set_timer(SOON_SECONDS, self._feel_pulse)
        elif isinstance(error, BadInput) and self._applied is not None and self._node != self._applied[1]:
            self._refuse_filter(error)
        else:
            self.answer_failed(error)

    def _refuse_filter(self, error: BadInput) -> None:
        """The engine cannot apply this filter here: rows and totals stay those of the one before."""
        assert self._applied is not None
        self._refused = self.filter_text, error.message
        self.filter_text, self._node = self._applied
        self.filter_bar.show_error(Problem(error.message, None, self.filter_text))
        query, engine = self.query_now, self.context.engine
        self.ask(
            "totals", lambda token: engine.totals(query, token), self._show_totals, failed=self._no_totals
        )

    def _show_totals(self, totals: Totals) -> None:
        self.totals = totals
        self._show_head()

    def _no_totals(self, error: TraceviewError) -> None:
        """Totals wait for the index; the head says counting until then."""
        self.totals = None
        self._show_head()
        if not isinstance(error, NotReady):
            self.answer_failed(error)

    @on(VirtualList.RowsWanted)
    def fetch_rows(self, message: VirtualList.RowsWanted) -> None:
        """Fetch the pages that came into sight."""
        message.stop()
        selection, version = self.selection, message.version
        if selection is None or version != self.rows.version:
            return
        pages = range(message.first, message.last + 1)
        self.ask(
            "rows",
            lambda token: listing.fetch(self.context.engine, selection, pages, token),
            lambda fetched: self.rows.supply(version, fetched),
            failed=self._rows_failed,
        )

    def _rows_failed(self, error: TraceviewError) -> None:
        """Rows of a list that is out of date are asked for anew with the list."""
        if isinstance(error, NotReady):
            self.reload()
        else:
            self.answer_failed(error)

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
