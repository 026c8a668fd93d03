"""A screen with a filter that is no list of rows: it reads the filter, and what applies is asked for anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widget import Widget

from traceview.tui.context import AppContext
from traceview.tui.screens.filter_keys import FilterKeys, read_filter
from traceview.tui.widgets.filter_bar import Problem

if TYPE_CHECKING:
    from traceview.filters.ast import Node


class FilteredScreen(FilterKeys):
    """Owns the text and the tree of a filter; a subclass composes its bar with the id `filter`, and asks anew."""

    def __init__(self, context: AppContext, filter_text: str = "") -> None:
        super().__init__(context)
        self.filter_text = filter_text
        self._node: Node | None = None

    def begin_filter(self, gives_focus_to: Widget) -> None:
        """Take the filter that the screen starts with; one that was kept from another day may be none any more."""
        self.filter_bar.gives_focus_to = gives_focus_to
        self.filter_bar.problem_of = self._problem_of
        if not self._parse(self.filter_text):
            self.filter_text = ""

    def _parse(self, text: str) -> bool:
        """Take the filter's tree; False (and a sentence under its column) if it has none."""
        node, problem = read_filter(text, self.filter_text)
        if problem is None:
            self._node = node
        self.filter_bar.show_error(problem)
        return problem is None

    def _problem_of(self, text: str) -> Problem | None:
        """Why a text is no filter."""
        return read_filter(text, self.filter_text)[1]
