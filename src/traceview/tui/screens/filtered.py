"""A screen with a filter: typed, completed, applied while it is typed, wrong ones said."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from textual import on
from textual.widget import Widget

from traceview.store.interface import CancelToken
from traceview.tui.context import AppContext
from traceview.tui.screens.base import TraceviewScreen
from traceview.tui.widgets.filter_bar import Candidate, FilterBar, Problem

if TYPE_CHECKING:
    from traceview.filters.ast import Node

TYPING_PAUSE = 0.12
COMPLETIONS = 50


class FilteredScreen(TraceviewScreen):
    """Owns the text and the tree of a filter; a subclass composes its bar with the id `filter`, and asks anew."""

    def __init__(self, context: AppContext, filter_text: str = "") -> None:
        super().__init__(context)
        self.filter_text = filter_text
        self._node: Node | None = None

    @property
    def filter_bar(self) -> FilterBar:
        """The filter's line and field."""
        return self.query_one("#filter", FilterBar)

    @abstractmethod
    def filter_applied(self, delay: float) -> None:
        """Another filter applies: ask for what it leaves, after so many seconds without another one."""

    def begin_filter(self, gives_focus_to: Widget) -> None:
        """Take the filter that the screen starts with; one that was kept from another day may be none any more."""
        self.filter_bar.gives_focus_to = gives_focus_to
        self.filter_bar.problem_of = self._problem_of
        if not self._parse(self.filter_text):
            self.filter_text = ""

    async def action_search(self) -> None:
        """Search the list: a bare word in the filter finds the rows that say it."""
        text = self.filter_bar.text
        if text and not text.endswith(" "):
            self.filter_bar.set_text(f"{text} ")
        await self.filter_bar.edit()

    async def action_filter(self) -> None:
        """Open the filter's field."""
        await self.filter_bar.edit()

    @on(FilterBar.Changed)
    def filter_changed(self, message: FilterBar.Changed) -> None:
        """Apply the filter while it is typed."""
        self.set_filter(message.text, delay=TYPING_PAUSE)

    def set_filter(self, text: str, *, delay: float = 0.0) -> None:
        """Apply a filter; one that cannot be read is shown as wrong, and what is shown stays."""
        if text != self.filter_bar.text:
            self.filter_bar.set_text(text)
        if not self._parse(text):
            return
        self.filter_text = text
        self.filter_applied(delay)

    @on(FilterBar.Left)
    def filter_left(self, message: FilterBar.Left) -> None:
        """Say what became of a text that gave way to the filter before it."""
        if message.given_up is not None:
            shown = f"{self.filter_text} applies" if self.filter_text else "none applies"
            self.say(f"✗ {message.given_up} is no filter; {shown}.", error=True)

    @on(FilterBar.CompletionsWanted)
    def complete_filter(self, message: FilterBar.CompletionsWanted) -> None:
        """Offer fields and values, those of the data from the engine."""
        from traceview.filters.completion import complete

        text = message.text
        wanted = complete(text, message.cursor)
        engine = self.context.engine

        def candidates(token: CancelToken) -> tuple[str, ...]:
            found: tuple[str, ...] = ()
            if wanted.data and wanted.asked is not None:
                found = engine.complete(wanted.asked, wanted.prefix, COMPLETIONS, token)
            return tuple(dict.fromkeys((*wanted.candidates, *found)))

        def offer(found: tuple[str, ...]) -> None:
            if self.filter_bar.text == text:
                self.filter_bar.offer([Candidate(value, *wanted.apply(text, value)) for value in found])

        self.ask("complete", candidates, offer)

    def _parse(self, text: str) -> bool:
        """Take the filter's tree; False (and a sentence under its column) if it has none."""
        node, problem = self._read_filter(text)
        if problem is None:
            self._node = node
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
        """Why a text is no filter."""
        return self._read_filter(text)[1]
