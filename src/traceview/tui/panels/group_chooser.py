"""The window that chooses what stats are grouped by: one field at once, or several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input

from traceview.model.errors import BadInput
from traceview.model.fields import FIELD_BY_NAME
from traceview.store.stats import UNIT_OF, group_fields, unit_of
from traceview.text.safe import safe_line
from traceview.tui.dialog import Dialog
from traceview.tui.figures import UNIT_WORDS
from traceview.tui.glyphs import NOT_PICKED, PICKED
from traceview.tui.widgets.columns import Cell, Column
from traceview.tui.widgets.lines import Lines
from traceview.tui.widgets.safe_input import SafeInput
from traceview.tui.widgets.virtual_list import VirtualList

ATTRIBUTE = "attr."
COLUMNS = (
    Column("title", "", 20, flex=1),
    Column("unit", "", 12, rank=2),
    Column("doc", "", 20, flex=2, rank=1),
)


class GroupChooser(Dialog[tuple[str, ...]]):
    """Gives back the names of the fields; `more` asks for attributes and calls back with them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False, priority=True),
        Binding("down,tab", "cursor(1)", show=False, priority=True),
        Binding("up,shift+tab", "cursor(-1)", show=False, priority=True),
    ]
    DEFAULT_CSS = """
    GroupChooser {
        & > #dialog { height: 24; padding: 0 1; }
        & Input, & Input:focus { border: none; height: 1; padding: 0; background: $surface; }
        & VirtualList { background: $surface; height: 1fr; }
        & Lines { background: $surface; }
    }
    """

    def __init__(self, by: Sequence[str], more: Callable[[Callable[[Sequence[str]], None]], None]) -> None:
        super().__init__()
        self._picked = list(by)
        self._turned = False
        self._more = more
        plain = [FIELD_BY_NAME[name].name for name in UNIT_OF if name != "attr"]
        self._fields = list(dict.fromkeys((*by, *plain)))
        self._shown: list[str] = []
        self._typed = ""

    def compose(self) -> ComposeResult:
        """What is chosen, a field that finds, the fields, and the keys."""
        with Vertical(id="dialog"):
            yield Lines(id="heading")
            yield SafeInput(placeholder="type to narrow; attr.KEY is any attribute", id="find")
            yield VirtualList(partial(str.format, "{0[field]}"), _cells)
            yield Lines(id="keys")

    def on_mount(self) -> None:
        """Show the fields, and ask for attributes."""
        rows = self.query_one(VirtualList)
        rows.can_focus = False
        rows.set_columns(COLUMNS, None)
        self.query_one("#keys", Lines).show(
            [[("Enter ", "key"), ("group by this   ", "dim"), ("Space ", "key"), ("add or take off   ", "dim"),
              ("Esc ", "key"), ("leave", "dim")]]
        )  # fmt: skip
        self._show()
        self._more(self.offer)

    def offer(self, fields: Sequence[str]) -> None:
        """Add attributes; the cursor stays."""
        new = [field for field in fields if field not in self._fields]
        if new and self.is_mounted:
            self._fields += new
            self._show(self._field_now)

    @property
    def _field_now(self) -> str | None:
        at = self.query_one(VirtualList).cursor
        return self._shown[at] if at < len(self._shown) else None

    def action_cursor(self, step: int) -> None:
        """Another field, while the text keeps the focus."""
        rows = self.query_one(VirtualList)
        rows.put_cursor(rows.cursor + step)

    def turn(self) -> None:
        """Add the field to the grouping, or take it off."""
        field = self._field_now
        if field is None:
            return
        self._turned = True
        if field in self._picked:
            self._picked.remove(field)
        else:
            self._picked.append(field)
            if field not in self._fields:
                self._fields.append(field)
        self._show(field)

    @on(Input.Changed)
    def find(self, message: Input.Changed) -> None:
        """Keep what matches; a text that begins like an attribute is offered as it is."""
        message.stop()
        if " " in message.value:
            # A field takes every letter, Space too; no name of a field has one.
            message.input.value = message.value.replace(" ", "")
            self.turn()
            return
        if message.value != self._typed:
            self._typed = message.value
            self._show()

    @on(Input.Submitted)
    @on(VirtualList.Opened)
    def keep(self) -> None:
        """Group by what was turned on and off, else by the field under the cursor alone."""
        field = self._field_now
        if self._turned:
            self.dismiss(tuple(self._picked))
        elif field is not None:
            self.dismiss((field,))

    def _show(self, at_field: str | None = None) -> None:
        typed = self._typed.casefold()
        shown = [field for field in self._fields if typed in field.casefold()]
        if (
            self._typed.startswith(ATTRIBUTE)
            and len(self._typed) > len(ATTRIBUTE)
            and self._typed not in shown
        ):
            shown.append(self._typed)
        self._shown = shown
        rows = [self._row(field) for field in shown]
        at = shown.index(at_field) if at_field in shown else 0
        self.query_one(VirtualList).show(
            len(rows), {0: rows}, cursor=at, empty_text="No field is called that; attr.KEY is any attribute."
        )
        by = ", ".join(safe_line(field) for field in self._picked) or "nothing"
        self.query_one("#heading", Lines).show([[("Group by ", "title"), (by, "accent")]])

    def _row(self, field: str) -> dict[str, Any]:
        try:
            unit = UNIT_WORDS[unit_of(group_fields((field,)))]
        except BadInput:
            unit = ""
        known = FIELD_BY_NAME.get(field)
        return {
            "field": field,
            "title": safe_line(field),
            "picked": field in self._picked,
            "unit": unit,
            "doc": known.doc if known is not None else "an attribute of spans",
        }


def _cells(row: dict[str, Any]) -> dict[str, Cell]:
    sign = PICKED if row["picked"] else NOT_PICKED
    return {
        "title": Cell(f"{sign} {row['title']}", "accent" if row["picked"] else None),
        "unit": Cell(row["unit"], "dim"),
        "doc": Cell(row["doc"], "faint"),
    }
