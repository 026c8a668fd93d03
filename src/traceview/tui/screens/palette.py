"""The command palette: every command of a screen, found by a few letters, with its key beside it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.fuzzy import Matcher
from textual.widgets import Input

from traceview.tui.commands import Command, commands_of
from traceview.tui.dialog import Dialog
from traceview.tui.screens.base import TraceviewScreen
from traceview.tui.widgets.columns import Cell, Column
from traceview.tui.widgets.safe_input import SafeInput
from traceview.tui.widgets.virtual_list import VirtualList

Row = dict[str, Any]
COLUMNS = (Column("title", "command", 20, flex=1), Column("keys", "key", 10, align="right"))


def ranked(commands: tuple[Command, ...], text: str) -> list[Command]:
    """The commands that match a text, the best first; all of them for an empty one."""
    if not text.strip():
        return list(commands)
    matcher = Matcher(text.strip())
    scored = [(matcher.match(command.title), command) for command in commands]
    scored = [pair for pair in scored if pair[0] > 0]
    scored.sort(key=lambda pair: -pair[0])
    return [command for _, command in scored]


class PaletteScreen(Dialog[Callable[[], object]]):
    """Gives back what the chosen command runs."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False, priority=True),
        Binding("ctrl+p", "leave", show=False, priority=True),
        Binding("down,tab", "cursor(1)", show=False, priority=True),
        Binding("up,shift+tab", "cursor(-1)", show=False, priority=True),
    ]
    DEFAULT_CSS = """
    PaletteScreen {
        & > #dialog { height: 24; padding: 0 1; }
        & Input, & Input:focus { border: none; height: 1; padding: 0; margin: 0 0 1 0; background: $surface; }
        & VirtualList { height: 1fr; background: $surface; }
    }
    """

    def __init__(self, screen: TraceviewScreen) -> None:
        super().__init__()
        self._commands = commands_of(screen)
        self._shown: list[Command] = []

    def compose(self) -> ComposeResult:
        """A field over the list of commands."""
        with Vertical(id="dialog"):
            yield SafeInput(placeholder="command", id="command")
            yield VirtualList(partial(str.format, "{0[title]}"), _cells)

    def on_mount(self) -> None:
        """Show all commands."""
        rows = self.query_one(VirtualList)
        rows.can_focus = False
        rows.set_columns(COLUMNS, None)
        self._show("")

    @on(Input.Changed)
    def narrow(self, message: Input.Changed) -> None:
        """Keep the commands that match."""
        message.stop()
        self._show(message.value)

    @on(Input.Submitted)
    @on(VirtualList.Opened)
    def choose(self) -> None:
        """Run the command under the cursor."""
        cursor = self.query_one(VirtualList).cursor
        if cursor < len(self._shown):
            self.dismiss(self._shown[cursor].run)

    def action_cursor(self, step: int) -> None:
        """Another command, while the field keeps the focus."""
        rows = self.query_one(VirtualList)
        rows.put_cursor(rows.cursor + step)

    def _show(self, text: str) -> None:
        self._shown = ranked(self._commands, text)
        rows: list[Row] = [{"title": command.title, "keys": command.keys} for command in self._shown]
        self.query_one(VirtualList).show(len(rows), {0: rows}, empty_text="No command is called that.")


def _cells(row: Row) -> dict[str, Cell]:
    return {"title": Cell(row["title"]), "keys": Cell(row["keys"], "accent")}
