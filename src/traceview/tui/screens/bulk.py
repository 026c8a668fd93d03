"""Labels all marked rows of a list in one action: says how many, then takes a value by its key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical

from traceview.model.labels import Target
from traceview.text.safe import safe_line
from traceview.tui.actions import bindings
from traceview.tui.context import AppContext
from traceview.tui.dialog import Dialog
from traceview.tui.panels.annotate import AnnotatePanel
from traceview.tui.widgets.lines import Lines, Part


class BulkScreen(Dialog[bool]):
    """Gives back True once something was written."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(*(f"value_{digit}" for digit in range(1, 10)), "value_na", "value_field"),
        *bindings("definition_next", "definition_previous", "mode", "undo", "redo"),
    ]
    AUTO_FOCUS = ""
    DEFAULT_CSS = """
    BulkScreen {
        & > #dialog { height: 26; }
        & Lines { background: $surface; }
        & #bulk-said { margin: 1 0 0 0; }
        & AnnotatePanel { width: 1fr; border-left: none; margin: 1 0 0 0; }
    }
    """

    def __init__(self, context: AppContext, targets: Sequence[Target], what: str) -> None:
        super().__init__()
        self.context = context
        self.targets = tuple(targets)
        self._what = what
        self._written = False

    def compose(self) -> ComposeResult:
        """How many, the definitions with their keys, what happened."""
        with Vertical(id="dialog"):
            yield Lines(id="bulk-count")
            yield AnnotatePanel(self.context, id="annotate")
            yield Lines(id="bulk-said")

    def on_mount(self) -> None:
        """Show the definitions for these targets."""
        count: list[Part] = [
            ("Label ", None),
            (f"{len(self.targets):,} {self._what}", "warning"),
            (" at once", None),
        ]
        self.query_one("#bulk-count", Lines).show([count])
        self._say("A value's key labels them all; u takes it back in one step, Esc closes.", "dim")
        self.panel.open = True
        self.panel.show(self.targets, f"{len(self.targets):,} {self._what}", ())

    @property
    def panel(self) -> AnnotatePanel:
        """The definitions and their values."""
        return self.query_one(AnnotatePanel)

    def take_key(self, event: events.Key) -> bool:
        """A choice may have a key of its own, and keys may have to wait for a write."""
        return self.panel.take_key(event)

    def action_set_value(self, digit: int) -> None:
        """Give all of them the value of a digit."""
        self.panel.set_digit(digit)

    def action_value_field(self) -> None:
        """Open a field or a list for the value."""
        self.panel.open_value()

    def action_definition_next(self) -> None:
        """Focus the next definition."""
        self.panel.step_definition(1)

    def action_definition_previous(self) -> None:
        """Focus the previous definition."""
        self.panel.step_definition(-1)

    def action_mode(self) -> None:
        """Pick failure modes that all of them get, beside those that they have."""
        self.panel.open_modes(self.leave_field)

    def action_undo(self) -> None:
        """Take the last action back."""
        self.panel.undo()

    def action_redo(self) -> None:
        """Do it again."""
        self.panel.redo()

    def action_leave(self) -> None:
        """Close the window, once everything is on disk."""
        self.app.leave(lambda: self.dismiss(self._written))  # type: ignore[attr-defined]

    @property
    def unsaved(self) -> str | None:
        """What is not on disk yet, None if everything is."""
        return self.panel.unsaved if self.is_mounted else None

    @on(AnnotatePanel.ItemCompleted)
    def stay(self) -> None:
        """There is no next item here."""
        self.panel.stay()

    @on(AnnotatePanel.FieldClosed)
    def leave_field(self) -> None:
        """The keys work again."""
        self.set_focus(None)

    @on(AnnotatePanel.LabelsChanged)
    def tell(self, message: AnnotatePanel.LabelsChanged) -> None:
        """Say what is on disk."""
        message.stop()
        self._written = True
        self._say(f"{message.sentence}  ({len(message.targets):,} {self._what})", "good")

    @on(AnnotatePanel.Said)
    def pass_on(self, message: AnnotatePanel.Said) -> None:
        """Say what the panel says."""
        message.stop()
        self._say(message.sentence, "error" if message.error else "accent")

    def _say(self, sentence: str, part: str) -> None:
        self.query_one("#bulk-said", Lines).show([[(safe_line(sentence), part)]])
