"""A list with its filter: typed, completed, applied while it is typed, wrong ones said."""

from __future__ import annotations

from textual import on

from traceview.store.interface import CancelToken
from traceview.tui.marks import Marks
from traceview.tui.rows import versions_of
from traceview.tui.screens.list_frame import ListFrame
from traceview.tui.widgets.filter_bar import Candidate, FilterBar

TYPING_PAUSE = 0.12
COMPLETIONS = 50


class FilteredList(ListFrame):
    """Everything that asks the list for other rows by a filter. `ListScreen` adds the other keys."""

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
        """Apply a filter; one that cannot be read is shown as wrong, and list and totals stay.

        What is still being asked for the last filter that could be read goes on: both show that one.
        """
        if text != self.filter_bar.text:
            self.filter_bar.set_text(text)
        if not self._parse(text):
            return
        self.filter_text = text
        if self.marks.all_but:
            self.marks = Marks()
            self.rows.set_marks(self.marks.__contains__)
            self.say("The filter changed: all marks were taken off.")
        self.reload(delay=delay)

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

    def action_same_version(self) -> None:
        """All traces with the prompt version of the row under the cursor."""
        row = self.rows.row
        versions = versions_of(row) if row is not None else []
        if not versions:
            self.say("This row has no prompt version.")
            return
        from traceview.filters.printer import quote_value

        name, version = versions[0]
        if name and version:
            self.set_filter(f"prompt:{quote_value(name)}@{quote_value(version)}")
        else:
            self.set_filter(f"version:{quote_value(version)}" if version else f"prompt:{quote_value(name)}")
