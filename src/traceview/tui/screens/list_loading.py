"""Where the rows of a list come from: the first page, the whole list as it is known, totals."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from traceview.filters.ast import asks_texts
from traceview.filters.hits import wanted_texts
from traceview.model.errors import BadInput, NotReady, TraceviewError
from traceview.store.interface import CancelToken, ListQuery, Page, SortKey, Totals
from traceview.tui import listing
from traceview.tui.context import AppContext
from traceview.tui.cursor import Place
from traceview.tui.list_cells import RowCells
from traceview.tui.marks import Marks
from traceview.tui.rows import ListLevel, row_id
from traceview.tui.screens.list_pages import PagedList
from traceview.tui.widgets.filter_bar import Problem
from traceview.tui.widgets.virtual_list import PAGE_ROWS

if TYPE_CHECKING:
    from traceview.filters.ast import Node
    from traceview.store.interface import Selection

SOON_SECONDS = 0.1
"""Until the next pulse while the index is not ready: a small one comes at once."""


class LoadingList(PagedList):
    """Asks the engine for what a list shows. `ListFrame` adds what is seen, and the pulse."""

    following = False
    """Whether the cursor stays on the newest row as rows arrive; the source is looked at more often then."""

    def __init__(
        self,
        context: AppContext,
        level: ListLevel,
        *,
        filter_text: str,
        sort: SortKey | None,
        row: str | None,
    ) -> None:
        super().__init__(context, level, filter_text)
        self.sort = sort
        self.totals: Totals | None = None
        """What the rows that are shown come to; None until that is known."""
        self._of: Totals | None = None
        """The newest totals, of whatever filter: how many rows there are is the same for all."""
        self._summed: tuple[Node | None, Totals] | None = None
        """The newest totals with what was counted: rows of it may not be there yet."""
        self.marks = Marks()
        self.only_marked: Marks | None = None
        """The marks whose rows alone are shown; those that are taken off meanwhile stay in sight."""
        self._wanted_row = row
        self._last_row = row
        self._generation = -1
        self._first_complete = False
        self._applied: tuple[str, Node | None] | None = None
        """The filter of the rows that are shown, once all of them are known."""
        self._loaded: listing.Loaded | None = None
        """The whole list as it came."""
        self._kept_list: tuple[listing.Loaded, Totals | None] | None = None
        """The list and the totals of the filter that was kept."""
        self._refused: tuple[str, str] | None = None
        """The last filter that the engine refused, and why."""
        self._cells = RowCells(context.annotator_name)
        self._home = 0
        """Where the cursor stood when the list was asked for, or was put by the first rows."""
        self._was_loaded = False
        self.searched: float | None = None
        """What share (0..1) of the texts was searched for the rows that are shown; None once all were."""
        self.search_stopped = False
        """Whether the search was stopped before its end."""
        self._paused = False
        """Whether the search waits for the screen in front to go."""
        self._part: Selection | None = None
        """The newest part of the search that goes on."""
        self._followed: Place | None = None
        """Where an item screen in front went on to: the cursor goes there when it is seen again."""

    @property
    def query_now(self) -> ListQuery:
        """What the list shows."""
        node = self._node
        if self.only_marked is not None:
            node = listing.only_marked(node, self.only_marked, self.level)
        return ListQuery(self.level, node, (self.sort,) if self.sort else ())

    @property
    def row_now(self) -> str | None:
        """The id of the row under the cursor."""
        row = self._followed.row if self._followed is not None else self.rows.row
        return row_id(self.level, row) if row is not None else self._wanted_row

    # What is seen of it: see `ListFrame`.

    def first_loaded(self) -> None:
        """The whole list is there for the first time."""

    def _show_head(self) -> None:
        """Show what is known of the list over and under it."""
        raise NotImplementedError

    def _feel_pulse(self) -> None:
        """Look what is new."""
        raise NotImplementedError

    @property
    def _empty_text(self) -> str:
        raise NotImplementedError

    # The list.

    def reload(self, *, first: bool = False, delay: float = 0.0, top: bool = False) -> None:
        """Ask for the list again; the cursor stays on its row unless `top`."""
        query = self.query_now
        engine = self.context.engine
        rows = self.rows
        keep = None if top else self.row_now
        self._take_followed()
        line = rows.cursor - rows.top
        height = max(rows.body_height, self.size.height)
        self._home = rows.cursor
        self._generation = engine.generation
        if first or self.selection is None:
            self.ask(
                "first",
                lambda token: engine.first_page(query, PAGE_ROWS, token),
                partial(self._show_first, keep, query),
                delay=delay,
            )
        applied = self.filter_text, self._node
        load = partial(listing.load, text=self.filter_text, definitions=self.context.definitions)
        show_part = partial(self._show_part, applied)
        self.search_stopped = self._paused = False
        if self._part is not None and self._part.query != query:
            self._part = None

        def select(token: CancelToken) -> listing.Loaded:
            def tell(part: listing.Loaded) -> None:
                self.tell_part("select", token, part, show_part)

            return load(engine, query, keep, line, height, token, tell=tell, top_now=lambda: rows.top)

        self.ask(
            "select",
            select,
            partial(self._show_loaded, applied),
            failed=self._selection_failed,
            delay=delay,
        )
        if asks_texts(query.filter):
            # The same search answers them, and not before its end.
            self.cancel_asked("totals")
            self._take_totals(query)
        else:
            self._ask_totals(query, delay)
        self._show_head()

    def _ask_totals(self, query: ListQuery, delay: float = 0.0) -> None:
        engine = self.context.engine
        self.ask(
            "totals",
            lambda token: engine.totals(query, token),
            partial(self._show_totals, query),
            failed=self._no_totals,
            delay=delay,
        )

    def follow_place(self, place: Place) -> None:
        """Stand where an item screen went on to; while that covers the list, nothing of the list is drawn.

        Whatever a covered list refreshes has the screen in front drawn anew.
        """
        self._followed = place
        self._last_row = row_id(self.level, place.row)
        if self.following or self.is_active:
            self._take_followed()

    def _take_followed(self) -> None:
        if self._followed is not None:
            self.rows.put_cursor(self._followed.position)
            self._followed = None

    def _show_first(self, keep: str | None, query: ListQuery, page: Page) -> None:
        """Rows that came before the whole list is known."""
        if self.is_asking("select") or self.selection is None:
            self._first_complete = page.complete and len(page.rows) < PAGE_ROWS
            cursor = 0
            for index, row in enumerate(page.rows):
                if row_id(self.level, row) == keep:
                    cursor = index
            self.selection = None
            self._home = cursor
            self._take_rows(page.rows)
            self._take_totals(query)
            self.rows.show(len(page.rows), {0: page.rows}, cursor=cursor, empty_text=self._empty_text)
            self._show_head()
            self.ask_extras()

    def _show_part(self, applied: tuple[str, Node | None], part: listing.Loaded) -> None:
        """What a search has found so far; the cursor stays on its row, wherever that is now."""
        self.cancel_asked("first")
        self._applied, self.searched = applied, part.searched
        self._take_totals(part.selection.query)
        self._show_rows_of(part)
        self._part = part.selection
        self._show_head()
        self.ask_extras()
        if not self.filter_bar.is_editing or applied == self._kept:
            self.keep_filter()
        self.filter_bar.settle()

    def _show_rows_of(self, loaded: listing.Loaded) -> None:
        """Show the rows of a selection, in the place of those of an earlier part of the same search."""
        self._take_followed()
        rows, before = self.rows, self._part
        self._cells.wanted = wanted_texts(loaded.selection.query.filter)
        for page in loaded.pages.values():
            self._take_rows(page)
        self.selection = loaded.selection
        cursor, top, same = loaded.cursor, loaded.top, 0
        if before is not None and len(before):
            place = listing.place_of(
                loaded.selection.keys, int(before.keys[min(rows.cursor, len(before) - 1)])
            )
            cursor = rows.cursor if place is None else place
            top = rows.top + cursor - rows.cursor
            same = loaded.same
        elif loaded.found:
            # the cursor keeps the way it went while the rows were fetched
            cursor, top = cursor + rows.cursor - self._home, top + rows.cursor - self._home
        rows.show(
            len(loaded.selection),
            loaded.pages,
            cursor=cursor,
            top=top,
            empty_text="\n".join(
                (self._empty_text, *(one if one.endswith("?") else f"{one}." for one in loaded.reasons))
            ),
            same=same,
        )

    def stop_search(self) -> bool:
        """Stop a search that goes on; what it found stays. False if none does."""
        if self.searched is None or not self.is_asking("select"):
            return False
        self.cancel_asked("select")
        self.search_stopped = True
        self._show_head()
        return True

    def pause_search(self) -> None:
        """Let a search wait until `resume_search`."""
        if self.searched is not None and self.is_asking("select"):
            self.cancel_asked("select")
            self._paused = True

    def resume_search(self) -> None:
        """Go on with a search that was paused."""
        if self._paused:
            self.reload()

    def _show_loaded(self, applied: tuple[str, Node | None], loaded: listing.Loaded) -> None:
        """The whole list, with the visible rows; the cursor keeps the way it went while they were fetched."""
        self.cancel_asked("first")
        self._applied, self._loaded = applied, loaded
        self.searched = None
        if not self._was_loaded:
            self._was_loaded = True
            self.call_after_refresh(self.first_loaded)
        self._generation = loaded.selection.generation
        self._show_rows_of(loaded)
        self._part = None
        if asks_texts(loaded.selection.query.filter):
            self._ask_totals(loaded.selection.query)
        self._wanted_row = None
        self._take_totals(loaded.selection.query)
        self._show_head()
        self.ask_extras()
        if not self.filter_bar.is_editing or applied == self._kept:
            self.keep_filter()
        self.filter_bar.settle()

    def _selection_failed(self, error: TraceviewError) -> None:
        """Before the index is ready there is only the first page; the list is asked for again once it is.

        Whatever else went wrong is said once, and asked again only when the answer may be another one.
        """
        if isinstance(error, NotReady):
            if not self.filter_bar.is_editing:
                self.keep_filter()
            self.set_timer(SOON_SECONDS, self._feel_pulse)
        elif isinstance(error, BadInput) and self._applied is not None and self._node != self._kept[1]:
            self._refuse_filter(error)
        else:
            self.answer_failed(error)
        self.filter_bar.settle()

    def _refuse_filter(self, error: BadInput) -> None:
        """The engine cannot apply this filter here: rows and totals are those of the one that was kept."""
        from traceview.filters.errors import FilterError

        message, column = error.message, None
        if isinstance(error, FilterError):
            message, column = error.problem, error.column
        self._refused = self.filter_text, message
        self.give_way()
        self.filter_bar.show_error(Problem(message, column, self.filter_text))

    # The filter.

    def _parse(self, text: str) -> bool:
        """Take the filter's tree; what was refused before is another text's."""
        right = super()._parse(text)
        if right:
            self._refused = None
        return right

    def _problem_of(self, text: str) -> Problem | None:
        """Why a text is no filter here: it cannot be read, or the engine refused it."""
        if self._refused is not None and self._refused[0] == text:
            return Problem(self._refused[1], None, self._kept[0])
        return super()._problem_of(text)

    def _is_settled(self, text: str) -> bool:
        """Whether the engine has answered for a text that can be read."""
        return self.filter_text == text and (
            not self.is_asking("select")
            or (self.searched is not None and self._applied == (text, self._node))
        )

    def keep_filter(self) -> None:
        """Keep the filter with its rows and totals, once the engine has answered and did not refuse it."""
        now = self.filter_text, self._node
        if self._applied != now and self._applied is not None and self.is_asking("select"):
            return
        super().keep_filter()
        loaded = self._loaded
        if loaded is None or loaded.selection.query != self.query_now:
            self._kept_list = None
        else:
            rows = self.rows
            self._kept_list = replace(loaded, cursor=rows.cursor, top=rows.top, found=True), self.totals

    def filter_returned(self) -> None:
        """Show the list of the filter that was kept; it is asked for anew only if it may be another one now."""
        kept = self._kept_list
        for channel in ("first", "select", "totals"):
            self.cancel_asked(channel)
        self._paused = self.search_stopped = False
        if (
            kept is None
            or kept[0].selection.query != self.query_now
            or kept[0].selection.generation != self.context.engine.generation
        ):
            self.reload()
            return
        loaded, totals = kept
        if totals is None:
            self._ask_totals(loaded.selection.query)
        else:
            self._summed = loaded.selection.query.filter, totals
        if loaded is not self._loaded or self._part is not None:
            self._part = None
            self._home = self.rows.cursor
            self._show_loaded(self._kept, loaded)

    # Totals.

    def _show_totals(self, query: ListQuery, totals: Totals) -> None:
        """Take the totals; while rows of another filter are shown, they wait for theirs."""
        self._summed, self._of = (query.filter, totals), totals
        shown = self._loaded.selection.query if self.selection is not None and self._loaded else None
        if shown is None or shown.filter == query.filter:
            self._take_totals(query)
        if self._kept_list is not None and self._kept_list[0].selection.query.filter == query.filter:
            self._kept_list = self._kept_list[0], totals
        self._show_head()

    def _take_totals(self, query: ListQuery) -> None:
        """Show the totals of a query if they are known: never those of other rows than the ones that are shown."""
        summed = self._summed
        self.totals = summed[1] if summed is not None and summed[0] == query.filter else None
        if self.totals is not None:
            self._scale_bars(self.totals)

    def _scale_bars(self, totals: Totals) -> None:
        full = {"duration_ms": totals.p95_ms, "cost_usd": totals.p95_cost_usd}
        scale = {field: value for field, value in full.items() if value}
        if scale != self._cells.scale:
            self._cells.scale = scale
            self.rows.refresh_cells(tuple(full), bars=True)

    def _no_totals(self, error: TraceviewError) -> None:
        """Totals wait for the index; the head says counting until then."""
        self.totals = self._of = self._summed = None
        self._show_head()
        if not isinstance(error, NotReady):
            self.answer_failed(error)
