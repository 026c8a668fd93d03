"""The keys of a filter, on any screen with one: typed, completed, applied while it is typed, wrong ones said."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from textual import on

from traceview.store.interface import CancelToken
from traceview.tui.context import AppContext
from traceview.tui.screens.base import TraceviewScreen
from traceview.tui.widgets.filter_bar import Candidate, FilterBar, Problem

if TYPE_CHECKING:
    from textual.widget import Widget

    from traceview.filters.ast import Node

TYPING_PAUSE = 0.12
COMPLETIONS = 50


class FilterKeys(TraceviewScreen):
    """A screen whose filter bar has the id `filter`, that reads filters and asks for what they leave.

    While the text that is typed is no filter, the filter that was kept last applies: never a beginning of the text,
    though that was one when it was typed.
    """

    def __init__(self, context: AppContext, filter_text: str = "") -> None:
        super().__init__(context)
        self.filter_text = filter_text
        """The filter that applies."""
        self._node: Node | None = None
        self._kept: tuple[str, Node | None] = ("", None)
        """The filter that was kept last: with Enter or Esc, or by a key or a view; text and tree."""
        self._from_before = bool(filter_text)
        """Whether the filter is of another day, or of another screen: nobody has typed here yet."""

    @property
    def filter_bar(self) -> FilterBar:
        """The filter's line and field."""
        return self.query_one("#filter", FilterBar)

    def begin_filter(self, gives_focus_to: Widget) -> None:
        """Take the filter that the screen starts with; one that was kept from another day may be none any more."""
        bar = self.filter_bar
        bar.gives_focus_to = gives_focus_to
        bar.problem_of = self._problem_of
        if not self._parse(self.filter_text):
            self.filter_text = ""
        self.keep_filter()

    def _parse(self, text: str) -> bool:
        """Take the filter's tree; False (and a sentence under its column) if it has none."""
        node, problem = read_filter(text, self._kept[0])
        if problem is None:
            self._node = node
        self.filter_bar.show_error(problem)
        return problem is None

    def _problem_of(self, text: str) -> Problem | None:
        """Why a text is no filter."""
        return read_filter(text, self._kept[0])[1]

    def keep_filter(self) -> None:
        """Go back to the filter that applies now whenever what is typed is none."""
        self._kept = self.filter_text, self._node
        self.filter_bar.kept = self.filter_text

    def give_way(self) -> None:
        """What is typed is no filter: the one that was kept applies again."""
        if (self.filter_text, self._node) != self._kept:
            self.filter_text, self._node = self._kept
            self.filter_returned()

    @abstractmethod
    def filter_returned(self) -> None:
        """The filter that was kept applies again: show what it leaves."""

    @abstractmethod
    def filter_applied(self, delay: float) -> None:
        """Another filter applies: ask for what it leaves, after so many seconds without another one."""

    async def action_search(self) -> None:
        """Search the list: a bare word in the filter finds the rows that say it; typing replaces the old one."""
        await self._edit_filter(anew=True)

    async def action_filter(self) -> None:
        """Open the filter's field."""
        await self._edit_filter(anew=self._from_before)

    async def _edit_filter(self, *, anew: bool) -> None:
        """The caret stands where another condition begins; `anew`: what is typed replaces the filter."""
        text = self.filter_bar.text
        if text and not anew and not text.endswith(" "):
            self.filter_bar.set_text(f"{text} ")
        self._from_before = False
        if not self.filter_bar.is_editing:
            self.keep_filter()
        await self.filter_bar.edit(anew=anew)

    @on(FilterBar.Changed)
    def filter_changed(self, message: FilterBar.Changed) -> None:
        """Apply the filter while it is typed; a text that another one has replaced is none any more."""
        if message.text == self.filter_bar.text:
            self._apply(message.text, delay=TYPING_PAUSE)

    def set_filter(self, text: str) -> None:
        """Apply a filter, and keep it; one that cannot be read is shown as wrong, and what is shown stays."""
        bar = self.filter_bar
        bar.close()
        bar.set_text(text)
        self._from_before = False
        if self._apply(text):
            self.keep_filter()

    def _apply(self, text: str, *, delay: float = 0.0) -> bool:
        if not self._parse(text):
            self.give_way()
            return False
        self.filter_text = text
        self.filter_applied(delay)
        return True

    @on(FilterBar.Left)
    def filter_left(self, message: FilterBar.Left) -> None:
        """Keep the filter; say what became of a text that gave way to the one before it."""
        if message.given_up is None and self.filter_text == self.filter_bar.text:
            self.keep_filter()
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
