"""A window of lines over a screen that scrolls with the keys of lists."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll

from traceview.tui.actions import bindings
from traceview.tui.dialog import Dialog
from traceview.tui.widgets.lines import Line, Lines

Result = TypeVar("Result")


class Scrolled(Dialog[Result]):
    """Shows the lines that `lines_for` makes for its width."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("cursor_down", call="scroll_lines(1)"),
        *bindings("cursor_up", call="scroll_lines(-1)"),
        *bindings("half_down", call="scroll_lines(10)"),
        *bindings("half_up", call="scroll_lines(-10)"),
        *bindings("page_down", call="scroll_lines(20)"),
        *bindings("page_up", call="scroll_lines(-20)"),
        *bindings("cursor_top", call="scroll_lines(-10000)"),
        *bindings("cursor_bottom", call="scroll_lines(10000)"),
    ]
    # Nothing shines through at its sides: what scrolls is then whole rows, which the terminal moves by itself.
    DEFAULT_CSS = """
    Scrolled { background: $background; }
    Scrolled VerticalScroll {
        height: auto;
        max-height: 100%;
        scrollbar-size-vertical: 1;
        scrollbar-gutter: stable;
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[Line] = []
        """What is shown, once the width is known."""

    def compose(self) -> ComposeResult:
        """All lines in a scrolling frame."""
        with VerticalScroll(id="dialog"):
            yield Lines()

    def lines_for(self, cells: int) -> list[Line]:
        """The lines for so many cells."""
        raise NotImplementedError

    def on_resize(self) -> None:
        """Write the lines for the width of the window."""
        self.call_after_refresh(self.write)

    def write(self) -> None:
        """Make the lines anew."""
        cells = self.query_one("#dialog").scrollable_content_region.width
        if cells <= 0:
            return
        lines = self.query_one(Lines)
        # One cell stays blank before the scroll bar.
        self.lines = self.lines_for(max(1, cells - 1))
        lines.styles.height = len(self.lines)
        lines.show(self.lines)

    def action_scroll_lines(self, lines: int) -> None:
        """Scroll without animation."""
        self.query_one("#dialog", VerticalScroll).scroll_relative(y=lines, animate=False)
