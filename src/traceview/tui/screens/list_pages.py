"""The pages of a list that are in sight, and what stands beside their rows: asked for as somebody scrolls."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual import on

from traceview.model.errors import NotReady, TraceviewError
from traceview.tui import listing
from traceview.tui.context import AppContext
from traceview.tui.list_columns import extra_fields
from traceview.tui.rows import ListLevel, Row, row_id
from traceview.tui.screens.filter_keys import FilterKeys
from traceview.tui.screens.list_heads import ListColumns
from traceview.tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from traceview.store.interface import Selection

EXTRAS_KEPT = 20_000
"""Rows whose values beside them are remembered, so that they stay on the screen while a list is asked for again."""


class PagedList(FilterKeys):
    """Supplies the list with rows of a selection. `LoadingList` adds where the selection comes from."""

    def __init__(self, context: AppContext, level: ListLevel, filter_text: str) -> None:
        super().__init__(context, filter_text)
        self.level: ListLevel = level
        self.selection: Selection | None = None
        self._columns = ListColumns(level, context)
        self._extras: dict[str, Row] = {}

    @property
    def rows(self) -> VirtualList:
        """The list itself."""
        return self.query_one("#rows", VirtualList)

    @abstractmethod
    def reload(self, *, first: bool = False, delay: float = 0.0, top: bool = False) -> None:
        """Ask for the list again."""

    def _show_columns(self) -> None:
        """Show the columns that are on."""
        raise NotImplementedError

    @on(VirtualList.RowsWanted)
    def fetch_rows(self, message: VirtualList.RowsWanted) -> None:
        """Fetch the pages that came into sight."""
        message.stop()
        selection, version = self.selection, message.version
        if selection is None or version != self.rows.version:
            return
        pages = range(message.first, message.last + 1)

        def supply(fetched: listing.Pages) -> None:
            for rows in fetched.values():
                self._take_rows(rows)
            self.rows.supply(version, fetched)
            self.ask_extras()

        self.ask(
            "rows",
            lambda token: listing.fetch(self.context.engine, selection, pages, token),
            supply,
            failed=self._rows_failed,
        )

    def _rows_failed(self, error: TraceviewError) -> None:
        """Rows of a list that is out of date are asked for anew with the list."""
        if isinstance(error, NotReady):
            self.reload()
        else:
            self.answer_failed(error)

    def _take_rows(self, rows: Sequence[Row]) -> None:
        """Learn what scores there are, and give rows what is remembered beside them."""
        if not self.blind and self._columns.learn(rows):
            self._show_columns()
        if self._extras:
            for row in rows:
                row.update(self._extras.get(row_id(self.level, row), {}))

    def ask_extras(self) -> None:
        """Ask for what the columns show and rows do not carry, of the rows in sight; until then it is pending."""
        fields = extra_fields([one.column.key for one in self.rows.placed])
        rows = self.rows.visible_rows()
        wanted = [row for row in rows if any(field not in row for field in fields)] if fields else []
        if not wanted:
            return
        engine, level = self.context.engine, self.level
        ids = [row_id(level, row) for row in wanted]

        def show(found: Sequence[Row]) -> None:
            if len(self._extras) > EXTRAS_KEPT:
                self._extras.clear()
            for one, row, values in zip(ids, wanted, found, strict=True):
                row.update(values)
                self._extras.setdefault(one, {}).update(values)
            self.rows.refresh_cells(fields)
            self.ask_extras()

        self.ask("extra", lambda token: engine.extra(level, ids, fields, token), show, failed=self._no_extras)

    def _no_extras(self, error: TraceviewError) -> None:
        """Before the index is ready they stay pending: they are asked for again with the list."""
        if not isinstance(error, NotReady):
            self.answer_failed(error)

    def forget_extras(self) -> None:
        """Ask anew for what stands beside rows: the source has changed."""
        self._extras.clear()
