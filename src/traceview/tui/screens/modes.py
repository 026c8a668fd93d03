"""Failure modes: how often each was seen, how sure that is, how its repair stands; renamed, merged, split by key."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from msgspec import Struct
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType

from traceview.annotation.modes import (
    LONGEST_NAME,
    ModeFigures,
    checked_mode,
    mode_figures,
    new_mode_words,
    rename_soon,
    since_new_mode,
)
from traceview.annotation.service import Action
from traceview.filters.printer import quoted
from traceview.model.errors import BadInput
from traceview.store.interface import CancelToken
from traceview.text import human
from traceview.text.human import counted
from traceview.text.safe import safe_line
from traceview.tui.actions import Area, bindings_for
from traceview.tui.context import AppContext
from traceview.tui.panels.name_field import NameScreen
from traceview.tui.rows import ListLevel
from traceview.tui.screens.label_replay import LabelReplay, Steps
from traceview.tui.widgets.columns import Cell, Column
from traceview.tui.widgets.lines import Bar, Line
from traceview.tui.widgets.virtual_list import PAGE_ROWS, VirtualList

Row = dict[str, Any]
RECENT = 20
"""Items that were looked at last, among which a new mode says that there may be more."""
COLUMNS = (
    Column("name", "failure mode", 30, flex=2),
    Column("count", "items", 7, align="right"),
    Column("rate", "of looked at", 12, align="right", rank=1),
    Column("interval", "95 % interval", 15, align="right", rank=2),
    Column("status", "status", 8, rank=2),
    Column("ticket", "ticket", 14, rank=3),
    Column("last", "last given", 16, rank=3),
)


class _Known(Struct, frozen=True):
    modes: tuple[ModeFigures, ...]
    since_new: int
    """Items that people looked at since one brought a new mode."""


class ModesScreen(LabelReplay):
    """Every failure mode of the label file; Enter shows its traces."""

    AREA: ClassVar[Area] = "modes"
    REPLAY_GROUP: ClassVar[str] = "rename"
    HERE: ClassVar[Mapping[str, str]] = {"mode": "split", "value_field": "rename, merge"}
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_for("app", "modes")]
    DEFAULT_CSS = """
    ModesScreen {
        & > #about { height: 1; background: $surface; }
        & > #rows { height: 1fr; }
    }
    """

    def __init__(self, context: AppContext) -> None:
        super().__init__(context)
        self.steps = Steps()
        self._known: tuple[ModeFigures, ...] = ()
        self._counted = False
        self._marked: set[str] = set()

    def compose_body(self) -> ComposeResult:
        """A sentence about all of them, and the rows."""
        yield Bar(id="about")
        yield VirtualList(partial(str.format, "{0[name]}"), _cells, id="rows")

    @property
    def rows(self) -> VirtualList:
        """One row per mode."""
        return self.query_one("#rows", VirtualList)

    def on_mount(self) -> None:
        """Count them."""
        self.set_title(
            [(" failure modes", "title")], [(safe_line(self.context.source_title), "dim"), (" ", None)]
        )
        self.set_status([], [(safe_line(self.context.label_sentence), "dim"), (" ", None)])
        rows = self.rows
        rows.set_columns(COLUMNS, None)
        rows.set_marks(self._marked.__contains__)
        rows.focus()
        self.action_refresh()

    def on_screen_resume(self) -> None:
        """Items may have other modes now."""
        if self._counted:
            self.action_refresh()

    def action_refresh(self) -> None:
        """Count them again."""
        annotator = self.context.annotator
        if annotator is None:
            return

        def count(token: CancelToken) -> _Known:
            current = annotator.store.current()
            return _Known(
                mode_figures(current, self.context.modes), since_new_mode(annotator.store.history())
            )

        self.ask("modes", count, self._show)

    def _show(self, known: _Known) -> None:
        self._known = known.modes
        self._counted = True
        names = {one.mode.name for one in known.modes}
        self._marked &= names
        rows = [_row(one) for one in known.modes]
        list_ = self.rows
        cursor = min(list_.cursor, max(0, len(rows) - 1))
        empty = "Nobody named a failure mode yet: # inside an item does."
        pages = {at // PAGE_ROWS: rows[at : at + PAGE_ROWS] for at in range(0, len(rows), PAGE_ROWS)}
        list_.show(len(rows), pages, empty_text=empty)
        list_.put_cursor(cursor)
        looked = known.modes[0].reviewed if known.modes else 0
        about: Line = [
            (f" {len(rows):,} failure mode{'' if len(rows) == 1 else 's'}", None),
            (f" of {counted(looked, 'item')} that people looked at", "dim"),
        ]
        if rows:
            part = "good" if known.since_new >= RECENT else "warning"
            about = [*about, ("  ", None), (new_mode_words(known.since_new), part)]
        self.query_one("#about", Bar).say(about)

    # What the keys do.

    @property
    def _here(self) -> ModeFigures | None:
        cursor = self.rows.cursor
        return self._known[cursor] if cursor < len(self._known) else None

    @on(VirtualList.Opened)
    def action_open(self) -> None:
        """The traces (or threads) that have the mode under the cursor."""
        here = self._here
        if here is None or not here.count:
            self.say("No item has this failure mode.")
            return
        from traceview.tui.screens.opened_list import open_list

        level: ListLevel = "threads" if all(target.kind == "thread" for target in here.targets) else "traces"
        open_list(self, f"failure modes › {here.mode.name}", level, f"mode:{quoted(here.mode.name)}")

    def action_mode(self) -> None:
        """The items of the mode under the cursor, to move some of them to another mode."""
        from traceview.tui.screens.mode_items import ModeItemsScreen

        here = self._here
        if here is None or not here.count:
            self.say("No item has this failure mode.")
        else:
            self.app.push_screen(ModeItemsScreen(self.context, here.mode.name, self.steps))

    def action_mark(self) -> None:
        """Mark the mode, or take the mark off, and go one down."""
        here = self._here
        if here is not None:
            self._marked ^= {here.mode.name}
            self.rows.refresh_cells([here.mode.name])
            self.rows.action_cursor_down()

    def action_value_field(self) -> None:
        """Rename the mode under the cursor, or merge the marked ones into one."""
        here = self._here
        if here is None:
            return
        names = sorted(self._marked) or [here.mode.name]
        told = f"rename {safe_line(names[0])}"
        if len(names) > 1:
            told = f"merge {len(names):,} failure modes: {safe_line(', '.join(names))}"
        note: Line = [("your own items only; u takes it back in one step", "dim")]
        screen = NameScreen(told, note, (), LONGEST_NAME, "Enter gives this name")
        self.app.push_screen(screen, partial(self._rename, names))

    def _rename(self, names: Sequence[str], new: str | None) -> None:
        annotator = self.context.annotator
        if new is None or annotator is None:
            return
        try:
            new = checked_mode(new)
        except BadInput as error:
            self.say(str(error), error=True)
            return
        name = new

        def rename(token: CancelToken) -> Action | None:
            return rename_soon(annotator, names, name).result()

        def renamed(action: Action | None) -> None:
            self._marked.clear()
            if action is None:
                self.say("None of your items has it: what others named stays theirs.")
            else:
                self.steps.did(action)
                self.say(f"saved ✓ {safe_line(name)} on {counted(len(action.rows), 'item')}")
            self.action_refresh()

        self.ask("rename", rename, renamed)

    def more_commands(self) -> list[tuple[str, Callable[[], object]]]:
        """Behind which steps it went wrong."""
        from traceview.tui.screens.transitions import show_transitions

        return [("label: where it went wrong first", partial(show_transitions, self))]

    def after_replay(self) -> None:
        """Read the modes anew."""
        self.action_refresh()


def _row(one: ModeFigures) -> Row:
    low, high = one.interval or (None, None)
    return {
        "name": one.mode.name,
        "count": f"{one.count:,}",
        "rate": "" if one.rate is None else f"{one.rate:.1%}",
        "interval": "" if low is None or high is None else f"{low:.1%} to {high:.1%}",
        "status": one.mode.status,
        "ticket": one.mode.ticket,
        "last": (one.last_seen or human.ABSENT)[:16].replace("T", " "),
    }


def _cells(row: Row) -> dict[str, Cell]:
    done = row["status"] in ("fixed", "ignored")
    return {
        "name": Cell(safe_line(row["name"]), "dim" if done else None),
        "count": Cell(row["count"]),
        "rate": Cell(row["rate"]),
        "interval": Cell(row["interval"], "dim"),
        "status": Cell(row["status"], "good" if row["status"] == "fixed" else "dim"),
        "ticket": Cell(safe_line(row["ticket"]), "dim"),
        "last": Cell(row["last"], "dim"),
    }
