"""A window with a list of things, narrowed by typing: Enter picks one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input

from traceview.text.safe import safe_line
from traceview.tui.dialog import Dialog
from traceview.tui.widgets.columns import Cell, Column
from traceview.tui.widgets.lines import Lines
from traceview.tui.widgets.safe_input import SafeInput
from traceview.tui.widgets.virtual_list import VirtualList

Picked = TypeVar("Picked")
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pick(Generic[Picked]):
    """One thing: what it is called, what is said beside it, whether it is the one that holds, and its value."""

    title: str
    note: str
    value: Picked
    holds: bool = False


class PickScreen(Dialog[Picked]):
    """Gives back the value of the thing that was picked.

    Things that are still being looked up are handed to `fill`: what is typed before waits for them, Enter too.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False, priority=True),
        Binding("down,tab", "cursor(1)", show=False, priority=True),
        Binding("up,shift+tab", "cursor(-1)", show=False, priority=True),
    ]
    DEFAULT_CSS = """
    PickScreen {
        & > #dialog { height: auto; max-height: 80%; padding: 0 1; }
        & Input, & Input:focus { border: none; height: 1; padding: 0; margin: 0 0 1 0; background: $surface; }
        & #heading { margin: 0 0 1 0; background: $surface; }
        & VirtualList { background: $surface; }
    }
    """

    def __init__(
        self, heading: str, picks: Sequence[Pick[Picked]] | None, *, narrow: str = "type to narrow"
    ) -> None:
        super().__init__()
        self._heading = heading
        self._picks = list(picks or ())
        self._known = picks is not None
        self._entered = False
        self._narrow = narrow
        self._shown: list[Pick[Picked]] = []

    def compose(self) -> ComposeResult:
        """A heading and a field over the list."""
        with Vertical(id="dialog"):
            yield Lines(id="heading")
            yield SafeInput(placeholder=self._narrow, id="narrow")
            yield VirtualList(partial(str.format, "{0[at]}"), _cells)

    def on_mount(self) -> None:
        """Show all, the cursor on the one that holds."""
        self.query_one(VirtualList).can_focus = False
        self.query_one("#heading", Lines).show([[(self._heading, "title")]])
        self._lay_out()

    def fill(self, picks: Sequence[Pick[Picked]]) -> None:
        """Show the things, now that they are known."""
        self._picks, self._known = list(picks), True
        if self.is_mounted and self in self.app.screen_stack:
            self._lay_out()
            if self._entered:
                self.choose()

    def _lay_out(self) -> None:
        rows = self.query_one(VirtualList)
        widest = max((len(pick.title) for pick in self._picks), default=8)
        columns = (
            Column("title", "", max(12, min(36, widest + 3))),
            Column("note", "", 16, flex=1, rank=1),
        )
        rows.set_columns(columns, None)
        rows.styles.height = min(20, len(self._picks)) + 1
        text = self.query_one(SafeInput).value
        self._show(text)
        if not text.strip():
            rows.put_cursor(next((at for at, pick in enumerate(self._shown) if pick.holds), 0))

    @on(Input.Changed)
    def narrow(self, message: Input.Changed) -> None:
        """Keep what has every word that was typed."""
        message.stop()
        self._show(message.value)

    @on(Input.Submitted)
    @on(VirtualList.Opened)
    def choose(self) -> None:
        """Give back the one under the cursor."""
        self._entered = not self._known
        cursor = self.query_one(VirtualList).cursor
        if cursor < len(self._shown):
            self.dismiss(self._shown[cursor].value)

    def action_cursor(self, step: int) -> None:
        """Another one, while the field keeps the focus."""
        rows = self.query_one(VirtualList)
        rows.put_cursor(rows.cursor + step)

    def _show(self, text: str) -> None:
        words = text.lower().split()
        self._shown = [
            pick for pick in self._picks if all(word in f"{pick.title} {pick.note}".lower() for word in words)
        ]
        rows: list[Row] = [
            {"at": at, "title": safe_line(pick.title), "note": safe_line(pick.note), "holds": pick.holds}
            for at, pick in enumerate(self._shown)
        ]
        self.query_one(VirtualList).show(
            len(rows), {0: rows}, empty_text="Nothing is called that." if self._known else "…"
        )


def _cells(row: Row) -> dict[str, Cell]:
    sign = "● " if row["holds"] else "  "
    return {
        "title": Cell(sign + row["title"], "accent" if row["holds"] else None),
        "note": Cell(row["note"], "dim"),
    }
