"""The field of the annotate panel, in which Tab completes a note by one that was written before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from traceview.annotation.notes import notes_with
from traceview.text.cells import truncate
from traceview.text.safe import safe_line
from traceview.tui.widgets.lines import Line
from traceview.tui.widgets.safe_input import SafeInput

SHOWN = 3


class NoteField(SafeInput):
    """Tab takes over the first of the earlier notes that have what was typed, Tab again the next one."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("tab", "complete", show=False)]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._earlier: Sequence[str] = ()
        self._found: list[str] = []
        """Those that have what was typed; the next one to be taken over is the first."""
        self._taken: str | None = None

    def offer(self, earlier: Sequence[str]) -> None:
        """Complete from these notes; from none where something else is typed."""
        self._earlier, self._taken = earlier, None

    def offered(self, cells: int) -> list[Line]:
        """What Tab would take over, and what comes after it, a line each."""
        if self.value != self._taken:
            self._taken = None
            self._found = notes_with(self._earlier, self.value)
        heads = ["Tab", *["   "] * SHOWN]
        return [
            [(f" {head} ", "key"), (truncate(safe_line(note), max(8, cells - 6)), "dim")]
            for head, note in zip(heads, self._found[:SHOWN], strict=False)
        ]

    def action_complete(self) -> None:
        """Take over the next earlier note; without one Tab goes to the next pane, as everywhere."""
        if not self.offered(0):
            self.screen.focus_next()
            return
        if self._taken is not None:
            self._found.append(self._taken)
        self._taken = self._found.pop(0)
        self.value = self._taken
        self.cursor_position = len(self.value)
