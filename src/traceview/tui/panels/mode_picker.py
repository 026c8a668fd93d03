"""Failure modes picked by a few letters of their names, or named on the spot."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input

from traceview.annotation.modes import LONGEST_NAME, checked_mode, toggle_mode
from traceview.model.errors import BadInput
from traceview.text.safe import safe_line
from traceview.tui.dialog import Dialog
from traceview.tui.widgets.columns import Cell, Column
from traceview.tui.widgets.lines import Lines
from traceview.tui.widgets.safe_input import SafeInput
from traceview.tui.widgets.virtual_list import VirtualList

Row = dict[str, Any]
ROWS = 14


class ModePicker(Dialog[tuple[str, ...]]):
    """Gives back every mode that the item has from now on; None if it was left.

    `counts` are the known modes and how many items have each, `chosen` those of the item. Enter toggles the mode under
    the cursor and closes; Tab toggles it and stays, for an item with several. What is typed and is called by no mode
    is a new one. Where `only_one` is wanted, Tab does nothing.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False, priority=True),
        Binding("down", "cursor(1)", show=False, priority=True),
        Binding("up", "cursor(-1)", show=False, priority=True),
        Binding("tab", "pick", show=False, priority=True),
    ]
    DEFAULT_CSS = """
    ModePicker {
        & > #dialog { height: auto; max-height: 80%; padding: 0 1; width: 66; }
        & Input, & Input:focus { border: none; height: 1; padding: 0; margin: 0 0 1 0; background: $panel; }
        & #heading { margin: 0 0 1 0; height: 2; background: $surface; }
        & VirtualList { background: $surface; }
    }
    """

    def __init__(
        self,
        counts: Sequence[tuple[str, int]],
        chosen: Sequence[str],
        what: str,
        *,
        heading: str = "failure modes of ",
        only_one: bool = False,
    ) -> None:
        super().__init__()
        known = dict(counts)
        self._counts = {**dict.fromkeys((one for one in chosen if one not in known), 0), **known}
        self._chosen = tuple(chosen)
        self._before = tuple(chosen)
        self._what = what
        self._heading = heading
        self._only_one = only_one
        self._shown: list[str] = []

    def compose(self) -> ComposeResult:
        """What is labelled, the field, the modes."""
        with Vertical(id="dialog"):
            yield Lines(id="heading")
            yield SafeInput(
                placeholder="type to find a failure mode, or to name a new one", max_length=LONGEST_NAME
            )
            yield VirtualList(partial(str.format, "{0[at]}"), _cells)

    def on_mount(self) -> None:
        """Show all, those of the item first."""
        rows = self.query_one(VirtualList)
        rows.can_focus = False
        rows.set_columns((Column("name", "", 44, flex=1), Column("count", "", 10, rank=1)), None)
        rows.styles.height = max(2, min(ROWS, len(self._counts) + 1)) + 1
        self._show("")

    @on(Input.Changed)
    def narrow(self, message: Input.Changed) -> None:
        """Keep what has the letters that were typed, best matches first."""
        message.stop()
        self._show(message.value)

    @on(Input.Submitted)
    @on(VirtualList.Opened)
    def choose(self) -> None:
        """Toggle the one under the cursor, unless Tab chose before and nothing was typed since; then close."""
        name = self._under_cursor()
        typed = bool(self.query_one(Input).value.strip())
        if name is not None and (typed or self._chosen == self._before):
            self._chosen = toggle_mode(self._chosen, name)
        self.dismiss(self._chosen)

    def action_pick(self) -> None:
        """Toggle the one under the cursor and stay."""
        name = self._under_cursor()
        if name is None or self._only_one:
            return
        self._counts.setdefault(name, 0)
        self._chosen = toggle_mode(self._chosen, name)
        field = self.query_one(Input)
        field.value = ""
        self._show("")

    def action_cursor(self, step: int) -> None:
        """Another one, while the field keeps the focus."""
        rows = self.query_one(VirtualList)
        rows.put_cursor(rows.cursor + step)

    def _under_cursor(self) -> str | None:
        cursor = self.query_one(VirtualList).cursor
        return self._shown[cursor] if cursor < len(self._shown) else None

    def _show(self, text: str) -> None:
        self._shown = found_modes(self._counts, self._chosen, text)
        new = _new_name(text, self._counts)
        if new is not None:
            self._shown.append(new)
        rows: list[Row] = [
            {
                "at": at,
                "name": safe_line(name),
                "count": self._counts.get(name),
                "holds": name in self._chosen,
                "new": name not in self._counts,
            }
            for at, name in enumerate(self._shown)
        ]
        list_ = self.query_one(VirtualList)
        list_.show(
            len(rows),
            {0: rows},
            empty_text=f"No {'other' if self._only_one else 'failure'} mode yet: type a name, Enter makes it.",
        )
        list_.put_cursor(0)
        several = "" if self._only_one else "Tab picks several · "
        keys = f"Enter picks and closes · {several}Esc leaves"
        self.query_one("#heading", Lines).show(
            [[(self._heading, "title"), (self._what, None)], [(keys, "dim")]]
        )


def found_modes(counts: dict[str, int], chosen: Sequence[str], text: str) -> list[str]:
    """The modes that a few letters may mean, the likeliest first; without letters all, those chosen first."""
    if not text.strip():
        return sorted(counts, key=lambda name: (name not in chosen, -counts[name], name.casefold()))
    from textual.fuzzy import Matcher

    matcher = Matcher(text.strip())
    scored = [(matcher.match(name), name) for name in counts]
    return [
        name
        for score, name in sorted(scored, key=lambda one: (-one[0], -counts[one[1]], one[1]))
        if score > 0
    ]


def _new_name(text: str, counts: dict[str, int]) -> str | None:
    try:
        name = checked_mode(text)
    except BadInput:
        return None
    return None if name.casefold() in {one.casefold() for one in counts} else name


def _cells(row: Row) -> dict[str, Cell]:
    sign = "● " if row["holds"] else "+ " if row["new"] else "  "
    part = "accent" if row["holds"] else "good" if row["new"] else None
    count = "new" if row["new"] else f"{row['count']:,} items" if row["count"] != 1 else "1 item"
    return {"name": Cell(sign + row["name"], part), "count": Cell(count, "dim")}
