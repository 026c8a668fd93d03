"""A list with its filter."""

from __future__ import annotations

from traceview.tui.marks import Marks
from traceview.tui.rows import versions_of
from traceview.tui.screens.list_frame import ListFrame


class FilteredList(ListFrame):
    """Everything that asks the list for other rows by a filter. `ListScreen` adds the other keys."""

    _narrowed: tuple[str, str] | None = None
    """The filter that a key set, and the one before it, to which Esc goes back."""

    def narrow(self, text: str) -> None:
        """Set a filter that Esc takes back."""
        # What is being typed was not kept: a half of a filter is nothing to go back to.
        before = self._kept[0] if self.filter_bar.is_editing else self.filter_text
        self._narrowed = None
        self.set_filter(text)
        if self.filter_text == text != before:
            self._narrowed = (text, before)
            self.say(f"Esc goes back to {f'the filter {before}' if before else 'all rows'}.")

    def let_back_clear(self) -> None:
        """Let the key that goes back take the filter off, as if a key had set it."""
        self._narrowed = (self.filter_text, "")

    def action_back(self) -> None:
        """Take back the filter that a key set, as long as it is the one that applies; stop a search; else leave."""
        narrowed, self._narrowed = self._narrowed, None
        if narrowed is not None and narrowed[0] == self.filter_text:
            self.set_filter(narrowed[1])
        elif self.stop_search():
            key = self.key_of("refresh")
            self.say(f"The search was stopped; {key} goes on.")
        else:
            super().action_back()

    def filter_applied(self, delay: float) -> None:
        """Ask for the rows; marks that mean all rows that match mean others now, so they go."""
        if self.marks.all_but:
            self.marks = Marks()
            self.rows.set_marks(self.marks.__contains__)
            self.say("The filter changed: all marks were taken off.")
        self.reload(delay=delay)

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
            self.narrow(f"prompt:{quote_value(name)}@{quote_value(version)}")
        else:
            self.narrow(f"version:{quote_value(version)}" if version else f"prompt:{quote_value(name)}")
