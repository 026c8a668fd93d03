"""A window with one field for a name."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input

from traceview.tui.dialog import Dialog
from traceview.tui.widgets.lines import Line, Lines
from traceview.tui.widgets.safe_input import SafeInput


class NameScreen(Dialog[str]):
    """Gives back a name; one that is `taken` is said, and given back all the same."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False, priority=True)]
    DEFAULT_CSS = """
    NameScreen {
        & > #dialog { height: auto; }
        & Input, & Input:focus { border: none; height: 1; padding: 0; margin: 1 0; background: $panel; }
        & Lines { background: $surface; height: auto; }
        & #what { height: 2; }
    }
    """

    def __init__(
        self,
        heading: str,
        notes: Line,
        taken: Collection[str],
        longest: int,
        what: str = "Enter saves",
        placeholder: str = "name",
    ) -> None:
        super().__init__()
        self._heading = heading
        self._notes = notes
        self._taken = taken
        self._longest = longest
        self._what = what
        self._placeholder = placeholder

    def compose(self) -> ComposeResult:
        """What is named, the field, what Enter will do."""
        with Vertical(id="dialog"):
            yield Lines(id="what")
            yield SafeInput(placeholder=self._placeholder, max_length=self._longest, id="name")
            yield Lines(id="below")

    def on_mount(self) -> None:
        """Say what it is about."""
        self.query_one("#what", Lines).show([[(self._heading, "title")], self._notes])
        self._say("")

    @on(Input.Changed)
    def changed(self, message: Input.Changed) -> None:
        """Say what Enter would do."""
        message.stop()
        self._say(message.value)

    @on(Input.Submitted)
    def entered(self, message: Input.Submitted) -> None:
        """Give the name back."""
        message.stop()
        if message.value.strip():
            self.dismiss(message.value.strip())

    def _say(self, name: str) -> None:
        replaces = name.strip() in self._taken
        text = "Enter replaces the view of this name" if replaces else self._what
        self.query_one("#below", Lines).show([[(f"{text}   Esc leaves", "warning" if replaces else "dim")]])
