"""The window that chooses the columns of a list: on or off, their order, any attribute and every score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

from msgspec import Struct
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input

from traceview.model.fields import FIELD_BY_NAME
from traceview.text.safe import safe_line
from traceview.tui.dialog import Dialog
from traceview.tui.glyphs import NOT_PICKED, PICKED
from traceview.tui.list_columns import ATTRIBUTE, SCORE, TURNS, score_key, title_of
from traceview.tui.rows import ListLevel
from traceview.tui.widgets.columns import Cell, Column
from traceview.tui.widgets.lines import Line, Lines, Part
from traceview.tui.widgets.safe_input import SafeInput
from traceview.tui.widgets.virtual_list import VirtualList

Row = dict[str, Any]
COLUMNS = (
    Column("title", "", 22),
    Column("field", "", 20, flex=1, rank=1),
    Column("doc", "", 24, flex=2, rank=2),
)
ROWS_SHOWN = 16


class Chosen(Struct, frozen=True):
    """What the window gives back: the columns that are on in their order, all that were offered; None: the default."""

    on: tuple[str, ...]
    offered: tuple[str, ...]


class ColumnChooser(Dialog[Chosen | None]):
    """Gives back the chosen columns.

    `more` asks for what else can be a column (attributes, scores) and calls back with it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "turn", show=False),
        Binding("J", "move(1)", show=False),
        Binding("K", "move(-1)", show=False),
        Binding("slash", "find", show=False),
        Binding("r", "default", show=False),
        Binding("enter", "keep", show=False),
        Binding("escape", "leave_field", show=False, priority=True),
    ]
    DEFAULT_CSS = """
    ColumnChooser {
        & > #dialog { height: auto; padding: 0 1; }
        & Input, & Input:focus { border: none; height: 1; padding: 0; background: $surface; }
        & VirtualList { background: $surface; height: 18; }
        & Lines { background: $surface; }
    }
    """

    def __init__(
        self,
        level: ListLevel,
        on: Sequence[str],
        offered: Sequence[str],
        default: Sequence[str],
        more: Callable[[Callable[[Sequence[str]], None]], None],
    ) -> None:
        super().__init__()
        self._level: ListLevel = level
        self._on = set(on)
        self._fields = list(dict.fromkeys((*on, *offered)))
        self._default = tuple(default)
        self._took_default = False
        self._more = more
        self._shown: list[str] = []
        self._typed = ""

    def compose(self) -> ComposeResult:
        """A heading, a field that finds, the columns, and the keys."""
        with Vertical(id="dialog"):
            yield Lines(id="heading")
            yield SafeInput(placeholder="/ finds a column; attr.KEY adds any attribute", id="find")
            yield VirtualList(partial(str.format, "{0[field]}"), _cells)
            yield Lines(id="keys")

    def on_mount(self) -> None:
        """Show all columns, and ask for attributes and scores."""
        rows = self.query_one(VirtualList)
        rows.set_columns(COLUMNS, None)
        rows.focus()
        keys: list[Part] = []
        for key, what in (
            ("Space", "on or off"), ("J K", "move down, up"), ("/", "find"), ("r", "default"), ("Enter", "keep"),
        ):  # fmt: skip
            keys += [(f"{key} ", "accent"), (f"{what}   ", "dim")]
        self.query_one("#keys", Lines).show([keys])
        self._show()
        self._more(self.offer)

    def offer(self, fields: Sequence[str]) -> None:
        """Add what else can be a column; the cursor stays."""
        new = [field for field in fields if field not in self._fields]
        if new and self.is_mounted:
            self._fields += new
            self._show(self._field_now)

    @property
    def _field_now(self) -> str | None:
        at = self.query_one(VirtualList).cursor
        return self._shown[at] if at < len(self._shown) else None

    def action_turn(self) -> None:
        """Turn the column on or off, and go one down."""
        field = self._field_now
        if field is not None:
            if field not in self._fields:
                self._fields.append(field)
            self._on ^= {field}
            self._show(field)
            self.query_one(VirtualList).action_cursor_down()

    def action_move(self, step: int) -> None:
        """Move the column one place."""
        field = self._field_now
        if field is None or field not in self._fields or self._typed:
            return
        at = self._fields.index(field)
        to = max(0, min(at + step, len(self._fields) - 1))
        self._fields.insert(to, self._fields.pop(at))
        self._show(field)

    def action_find(self) -> None:
        """Type a part of a column's name."""
        self.screen.set_focus(self.query_one("#find", SafeInput))

    def action_default(self) -> None:
        """Show the columns of the project, or those that everybody begins with; they are kept as all others."""
        self._on = set(self._default)
        self._fields = list(dict.fromkeys((*self._default, *self._fields)))
        self._took_default = True
        self._show(self._field_now)

    @on(VirtualList.Opened)
    def action_keep(self) -> None:
        """Keep what is on."""
        on_now = tuple(field for field in self._fields if field in self._on)
        if self._took_default and on_now == self._default:
            self.dismiss(Chosen((), ()))
        elif on_now:
            self.dismiss(Chosen(on_now, tuple(self._fields)))

    def action_leave_field(self) -> None:
        """Leave the field, then the window."""
        rows = self.query_one(VirtualList)
        if rows.has_focus:
            self.action_leave()
        else:
            rows.focus()

    @on(Input.Changed)
    def find(self, message: Input.Changed) -> None:
        """Keep what matches; a text that begins like an attribute or a score is offered as it is."""
        message.stop()
        self._typed = message.value.strip()
        self._show()

    @on(Input.Submitted)
    def found(self, message: Input.Submitted) -> None:
        """Turn the found one on, and show it among the others."""
        message.stop()
        field = self._field_now
        if field is None:
            return
        if field not in self._fields:
            self._fields.append(field)
        self._on.add(field)
        self.query_one("#find", SafeInput).value = ""
        self._typed = ""
        self._show(field)
        self.query_one(VirtualList).focus()

    def _show(self, at_field: str | None = None) -> None:
        typed = self._typed.lower()
        shown = [
            field
            for field in self._fields
            if typed in field.lower() or typed in title_of(self._level, field).lower()
        ]
        head, _, rest = self._typed.partition(".")
        if head in ("attr", "score") and rest and self._typed not in shown:
            shown.append(self._typed)
        self._shown = shown
        rows = [self._row(field) for field in shown]
        at = shown.index(at_field) if at_field in shown else 0
        self.query_one(VirtualList).show(
            len(rows), {0: rows}, cursor=at, empty_text="No column is called that; attr.KEY is any attribute."
        )
        count: Line = [
            (f"Columns of {self._level}", "title"),
            (f"   {len(self._on)} of {len(self._fields)} on", "dim"),
        ]
        self.query_one("#heading", Lines).show([count])

    def _row(self, field: str) -> Row:
        return {
            "field": safe_line(field),
            "on": field in self._on,
            "title": title_of(self._level, field),
            "doc": _doc(field),
        }


def _doc(field: str) -> str:
    if field.startswith(ATTRIBUTE):
        return "an attribute of spans"
    if field.startswith(SCORE):
        _, source = score_key(field)
        return {"human": "what people said", "judge": "what a judge said"}.get(source, f"scores of {source}")
    if field == TURNS:
        return "how long each turn took"
    known = FIELD_BY_NAME.get(field)
    return known.doc if known is not None else ""


def _cells(row: Row) -> dict[str, Cell]:
    sign = PICKED if row["on"] else NOT_PICKED
    return {
        "title": Cell(f"{sign} {row['title']}", "accent" if row["on"] else "dim"),
        "field": Cell(row["field"], "dim"),
        "doc": Cell(row["doc"], "faint"),
    }
