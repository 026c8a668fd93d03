"""The command palette: every command, found by a few letters, with its key beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.fuzzy import FuzzySearch
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from traceview.text.cells import truncate, width
from traceview.text.safe import safe_line
from traceview.tui.commands import Command, commands_of
from traceview.tui.dialog import Dialog
from traceview.tui.screens.base import TraceviewScreen
from traceview.tui.widgets.safe_input import SafeInput

Found = tuple[Command, tuple[int, ...]]
"""A command and the places in its title that match."""


def ranked(commands: Sequence[Command], text: str, recent: Sequence[str] = ()) -> list[Found]:
    """The commands that match a text, the best first, those that cannot run here last.

    Without a text: those that can run here, the ones used last first.
    """
    wanted = text.strip()
    place = {title: number for number, title in enumerate(recent)}
    if not wanted:
        possible = [command for command in commands if not command.why_not]
        possible.sort(key=lambda command: place.get(command.title, len(place)))
        return [(command, ()) for command in possible]
    search = FuzzySearch()
    scored = [(search.match(wanted, command.title), command) for command in commands]
    found = [(score, offsets, command) for (score, offsets), command in scored if score > 0]
    found.sort(key=lambda one: (bool(one[2].why_not), -one[0], place.get(one[2].title, len(place))))
    return [(command, tuple(offsets)) for _, offsets, command in found]


def line_of(found: Found, cells: int) -> Content:
    """A command as one line: its title with what matches, and on the right its keys or why it cannot run."""
    command, offsets = found
    right = truncate(safe_line(command.why_not or command.keys), cells // 2)
    title = safe_line(command.title)
    # Letters are matched in the title as it is: where making it safe moved them, nothing is picked out.
    places = offsets if title == command.title else ()
    title = truncate(title, max(1, cells - width(right) - 1))
    line = Content(title)
    for offset in places:
        if offset < len(title):
            line = line.stylize("bold underline $text-primary", offset, offset + 1)
    blank = " " * max(1, cells - width(title) - width(right))
    return Content.assemble(line, blank, (right, "$dim" if command.why_not else "$text-primary"))


class PaletteScreen(Dialog[Callable[[], object]]):
    """Gives back what the chosen command runs; a theme is shown while its line is under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False, priority=True),
        Binding("ctrl+p", "leave", show=False, priority=True),
        Binding("down,tab", "cursor('cursor_down')", show=False, priority=True),
        Binding("up,shift+tab", "cursor('cursor_up')", show=False, priority=True),
        Binding("pagedown", "cursor('page_down')", show=False, priority=True),
        Binding("pageup", "cursor('page_up')", show=False, priority=True),
    ]
    DEFAULT_CSS = """
    PaletteScreen {
        & > #dialog { height: 24; padding: 0 1; }
        & Input, & Input:focus { border: none; height: 1; padding: 0; margin: 0 0 1 0; background: $surface; }
        & OptionList { height: 1fr; border: none; padding: 0; background: $surface; scrollbar-size-vertical: 1; }
        & OptionList > .option-list--option-highlighted { background: $cursor; color: $foreground; }
        & OptionList > .option-list--option-disabled { color: $dim; }
    }
    """

    def __init__(self, screen: TraceviewScreen, recent: Sequence[str] = ()) -> None:
        super().__init__()
        self._commands = commands_of(screen)
        self._recent = recent
        self._found: list[Found] = []
        self._theme = screen.app.theme
        self.chosen: Command | None = None

    def compose(self) -> ComposeResult:
        """A field over the list of commands."""
        with Vertical(id="dialog"):
            yield SafeInput(placeholder="command", id="command")
            yield OptionList(compact=True)

    def on_mount(self) -> None:
        """Show all commands."""
        self.query_one(OptionList).can_focus = False
        self.query_one("#dialog").border_title = "commands"
        self._find("")

    def on_resize(self) -> None:
        """Lay the lines out for another width."""
        self.call_after_refresh(self._show)

    @on(Input.Changed)
    def narrow(self, message: Input.Changed) -> None:
        """Keep the commands that match."""
        message.stop()
        self._find(message.value)

    @on(Input.Submitted)
    def choose(self) -> None:
        """Run the command under the cursor."""
        self._choose(self.query_one(OptionList).highlighted)

    @on(OptionList.OptionSelected)
    def choose_clicked(self, message: OptionList.OptionSelected) -> None:
        """Run the clicked command."""
        self._choose(message.option_index)

    @on(OptionList.OptionHighlighted)
    def look(self, message: OptionList.OptionHighlighted) -> None:
        """Show the theme that the cursor is on, the one before on any other command."""
        message.stop()
        if self.chosen is None and message.option_index < len(self._found):
            self.app.theme = self._found[message.option_index][0].theme or self._theme

    def action_leave(self) -> None:
        """Close without a command, in the theme of before."""
        self.app.theme = self._theme
        super().action_leave()

    def action_cursor(self, move: str) -> None:
        """Another command, while the field keeps the focus."""
        getattr(self.query_one(OptionList), f"action_{move}")()

    def _choose(self, index: int | None) -> None:
        if index is None or index >= len(self._found) or self._found[index][0].why_not:
            return
        self.chosen = self._found[index][0]
        self.dismiss(self.chosen.run)

    def _find(self, text: str) -> None:
        self._found = ranked(self._commands, text, self._recent)
        self._show()

    def _show(self) -> None:
        rows = self.query_one(OptionList)
        cells = max(20, self.query_one("#command").size.width - 1)
        at = rows.highlighted if len(self._found) == rows.option_count else 0
        rows.clear_options()
        options = [Option(line_of(found, cells), disabled=bool(found[0].why_not)) for found in self._found]
        rows.add_options(options or [Option(Content("No command is called that."), disabled=True)])
        possible = bool(self._found) and not self._found[0][0].why_not
        rows.highlighted = at if possible else None
        if not possible:
            self.app.theme = self._theme
