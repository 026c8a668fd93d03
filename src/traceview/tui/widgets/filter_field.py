"""The field that edits a filter; imported when the first filter is edited."""

from __future__ import annotations

from typing import ClassVar, Protocol

from textual import events
from textual.binding import Binding, BindingType
from textual.widgets import Input

from traceview.tui.widgets.safe_input import SafeInput


class FilterOwner(Protocol):
    """Who is told at once what happens in the field."""

    @property
    def is_waiting(self) -> bool:
        """Whether it is not known yet what becomes of the field after Enter."""

    def field_changed(self, text: str) -> None:
        """The text in the field was edited by hand."""

    def field_entered(self, text: str) -> None:
        """Enter was pressed in the field, on this text."""

    def field_left(self) -> None:
        """Esc was pressed in the field."""

    def field_wants_completion(self, text: str, cursor: int) -> None:
        """Tab was pressed in the field."""


class FilterField(SafeInput):
    """One line of text in which Tab completes and Esc leaves."""

    DEFAULT_CSS = """
    FilterField, FilterField:focus {
        border: none;
        height: 1;
        padding: 0;
        width: 1fr;
        background: $surface;
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete", "complete", show=False),
        Binding("escape", "leave", "leave the field", show=False),
    ]

    def __init__(self, value: str, owner: FilterOwner) -> None:
        super().__init__(value, select_on_focus=False)
        self._owner = owner
        self._quiet: str | None = None
        self._held: list[events.Key] = []
        """Keys that were typed while it was not known whether Enter leaves the field."""

    def set_quietly(self, text: str, cursor: int | None = None) -> None:
        """Replace the text without telling the owner."""
        self._quiet = text
        self.value = text
        self.cursor_position = len(text) if cursor is None else cursor

    def on_key(self, event: events.Key) -> None:
        """A key that was typed after Enter or Esc, and got here before the focus moved, goes where the focus is."""
        if self._owner.is_waiting and event.key != "escape":
            event.prevent_default()
            event.stop()
            self._held.append(events.Key(event.key, event.character))
        elif self.screen.focused is not self:
            event.prevent_default()
            event.stop()
            self.app.post_message(events.Key(event.key, event.character))

    def play_held(self) -> None:
        """Let the keys that waited go where the focus is now."""
        held, self._held = self._held, []
        for key in held:
            self.app.post_message(key)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Tell the owner what was typed."""
        event.stop()
        if event.value != self._quiet:
            self._quiet = None
            self._owner.field_changed(event.value)

    async def action_submit(self) -> None:
        """Enter keeps a filter that can be read, and leaves the field, before the next key is looked at."""
        self._owner.field_entered(self.value)

    def action_leave(self) -> None:
        """Leave the field; a text that can be read stays."""
        self._owner.field_left()

    def action_complete(self) -> None:
        """Ask for what could stand here."""
        self._owner.field_wants_completion(self.value, self.cursor_position)
