"""The help: what the keys do on the screen it was opened from, from the registry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll

from traceview.text.cells import pad
from traceview.text.safe import safe_line
from traceview.tui.actions import GROUPS, Action, Area, bindings, key_rows
from traceview.tui.context import AppContext
from traceview.tui.dialog import Dialog
from traceview.tui.widgets.lines import Line, Lines, wrapped

KEY_CELLS = 16
TEXT_CELLS = 75

FILTERS = (
    ("status:error", "traces with an error"),
    ("version:v3", "a prompt version"),
    ("latency>2s cost>$0.05", "both hold: slow and dear"),
    ("model:claude-* or tool:search_docs", "one of both holds"),
    ('"refund policy"', "a text, anywhere"),
    ("since:7d -user:u_42", "the last week, not that user"),
    ("label:none", "not labelled yet"),
    ("score.grounded:fail", "by a score"),
)


def help_lines(registry: Sequence[Action], area: Area, context: AppContext) -> list[Line]:
    """The help of an area as lines."""
    lines: list[Line] = []
    here = [action for action in registry if area in action.screens or "app" in action.screens]
    rows = key_rows(here)
    for group in GROUPS:
        members = [row for row in rows if row[0] == group]
        if members:
            lines += [[(group, "title")]]
        for _, keys, _, description in members:
            first, *more = wrapped(description, TEXT_CELLS - KEY_CELLS - 2)
            lines.append([(pad(keys, KEY_CELLS), "key"), ("  ", None), *first])
            lines += [[(" " * (KEY_CELLS + 2), None), *line] for line in more]
        if members:
            lines.append([("", None)])
    if area == "list":
        lines.append([("Filters", "title")])
        for text, meaning in FILTERS:
            lines.append([(pad(text, 2 * KEY_CELLS + 4), "accent"), (meaning, None)])
        lines.append([("", None)])
    lines.append([("Where things are", "title")])
    for sentence in (context.label_sentence, f"You label as {context.annotator_name}."):
        if sentence:
            lines += wrapped(safe_line(sentence), TEXT_CELLS, "dim")
    return lines


class HelpScreen(Dialog[None]):
    """A window of keys that scrolls like a list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("help", "help_f1", call="leave"),
        *bindings("cursor_down", call="scroll_lines(1)"),
        *bindings("cursor_up", call="scroll_lines(-1)"),
        *bindings("half_down", call="scroll_lines(10)"),
        *bindings("half_up", call="scroll_lines(-10)"),
        *bindings("page_down", call="scroll_lines(20)"),
        *bindings("page_up", call="scroll_lines(-20)"),
        *bindings("cursor_top", call="scroll_lines(-10000)"),
        *bindings("cursor_bottom", call="scroll_lines(10000)"),
    ]
    DEFAULT_CSS = """
    HelpScreen VerticalScroll { height: auto; max-height: 100%; scrollbar-size-vertical: 1; }
    """

    def __init__(self, registry: Sequence[Action], area: Area, context: AppContext) -> None:
        super().__init__()
        self._help = help_lines(registry, area, context)

    def compose(self) -> ComposeResult:
        """All lines in a scrolling frame."""
        lines = Lines()
        lines.styles.height = len(self._help)
        with VerticalScroll(id="dialog"):
            yield lines

    def on_mount(self) -> None:
        """Write the lines."""
        self.query_one(Lines).show(self._help)
        self.query_one("#dialog").border_title = "keys  (Esc closes)"

    def action_scroll_lines(self, lines: int) -> None:
        """Scroll without animation."""
        self.query_one("#dialog", VerticalScroll).scroll_relative(y=lines, animate=False)
