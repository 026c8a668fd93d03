"""The keys of a filter, on any screen with one: typed, completed, applied while it is typed, wrong ones said."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from textual import on

from traceview.store.interface import CancelToken
from traceview.tui.screens.base import TraceviewScreen
from traceview.tui.widgets.filter_bar import Candidate, FilterBar, Problem

if TYPE_CHECKING:
    from traceview.filters.ast import Node

TYPING_PAUSE = 0.12
COMPLETIONS = 50


class FilterKeys(TraceviewScreen):
    """Mixed into a screen whose filter bar has the id `filter`, that reads filters and asks for what they leave."""

    filter_text: str

    @property
    def filter_bar(self) -> FilterBar:
        """The filter's line and field."""
        return self.query_one("#filter", FilterBar)

    @abstractmethod
    def _parse(self, text: str) -> bool:
        """Take the filter's tree; False (and a sentence under its column) if it has none."""

    @abstractmethod
    def filter_applied(self, delay: float) -> None:
        """Another filter applies: ask for what it leaves, after so many seconds without another one."""

    async def action_search(self) -> None:
        """Search the list: a bare word in the filter finds the rows that say it."""
        await self._edit_filter()

    async def action_filter(self) -> None:
        """Open the filter's field."""
        await self._edit_filter()

    async def _edit_filter(self) -> None:
        """The caret stands where another condition begins."""
        text = self.filter_bar.text
        if text and not text.endswith(" "):
            self.filter_bar.set_text(f"{text} ")
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


def read_filter(text: str, applies: str) -> tuple[Node | None, Problem | None]:
    """The tree of a filter, or what is wrong with it; `applies` is the filter that holds until it is mended."""
    from traceview.filters.errors import FilterError
    from traceview.filters.parser import parse

    try:
        return parse(text), None
    except FilterError as error:
        return None, Problem(error.problem, error.column, applies)
