"""The field in which a check is typed: several lines of TOML, with completion by Tab."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import TextArea


class CheckText(TextArea):
    """Tells of every change and move of the cursor; Tab and Esc are messages."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "tab", show=False),
        Binding("escape", "leave", show=False),
    ]
    DEFAULT_CSS = """
    CheckText, CheckText:focus { border: none; padding: 0; background: $background; }
    """

    class Tab(Message):
        """Tab was pressed: complete, or go on."""

    class Left(Message):
        """Esc was pressed."""

    def __init__(self, text: str, *, id: str | None = None) -> None:
        super().__init__(
            text,
            id=id,
            soft_wrap=False,
            show_line_numbers=True,
            tab_behavior="focus",
            highlight_cursor_line=False,
        )

    def action_tab(self) -> None:
        """Hand Tab on."""
        self.post_message(self.Tab())

    def action_leave(self) -> None:
        """Hand Esc on."""
        self.post_message(self.Left())

    def complete(self, typed: int, word: str) -> None:
        """Put a word in place of the characters that were typed of it."""
        row, column = self.cursor_location
        self.replace(word, (row, column - typed), (row, column))
