"""The copy menu: one key for each form of what has the focus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from traceview.text.cells import pad
from traceview.text.safe import safe_line
from traceview.tui.actions import bindings
from traceview.tui.copying import Copies
from traceview.tui.dialog import Dialog
from traceview.tui.widgets.lines import Line, Lines, cut

Choice = tuple[str, str, str | None, str]
"""Key, what it copies, the text of it, and why there is none."""
NAME_CELLS = 16
SHOWN = 200


def choices_of(copies: Copies) -> tuple[Choice, ...]:
    """The lines of the menu."""
    one_source = "a command line reads one source that can be opened again"
    return (
        ("i", f"{copies.what} id", copies.id, "nothing is chosen"),
        ("t", copies.text_name, copies.text, "there is no text here"),
        ("j", "JSON", copies.json, "nothing is chosen"),
        ("c", "command line", copies.command, one_source),
    )


class CopyMenu(Dialog[tuple[str, str]]):
    """Gives back what is copied and its text."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("copy", call="leave"),
        *(Binding(key, f"pick({key!r})", show=False) for key in "itjc"),
    ]

    def __init__(self, copies: Copies) -> None:
        super().__init__()
        self._choices = choices_of(copies)

    def compose(self) -> ComposeResult:
        """A line for each choice."""
        with Vertical(id="dialog"):
            yield MenuLines(self._choices)

    def on_mount(self) -> None:
        """Say what this is."""
        self.query_one("#dialog").border_title = "copy"
        self.query_one("#dialog").border_subtitle = "Esc closes"

    def action_pick(self, key: str) -> None:
        """Take one of the choices, if it is there."""
        for letter, name, text, _ in self._choices:
            if letter == key and text is not None:
                self.dismiss((name, text))


class MenuLines(Lines):
    """The choices, cut at the width of the window; a click takes one."""

    def __init__(self, choices: Sequence[Choice]) -> None:
        super().__init__()
        self._choices = choices
        self.styles.height = len(choices)

    def on_resize(self) -> None:
        """Cut the lines anew."""
        self.show([cut(_line(choice), self.size.width) for choice in self._choices])

    async def on_click(self, event: events.Click) -> None:
        """Take the clicked choice."""
        if 0 <= event.y < len(self._choices):
            await self.screen.run_action(f"pick({self._choices[event.y][0]!r})")


def _line(choice: Choice) -> Line:
    key, name, text, why_not = choice
    if text is None:
        return [(f"{key}  ", "dim"), (pad(name, NAME_CELLS), "dim"), (why_not, "dim")]
    shown = safe_line(" ".join(text[:SHOWN].split()))
    return [(f"{key}  ", "key"), (pad(name, NAME_CELLS), None), (shown, "dim")]
