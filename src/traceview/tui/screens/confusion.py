"""The table of a judge against people: each cell opens the items behind it, and says who is wrong there."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

from msgspec import Struct
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType

from traceview.annotation.values import format_value
from traceview.judges.calibration import Calibration, Compared, SplitAsked, calibrate
from traceview.judges.calibration_words import (
    calibration_lines,
    figure_lines,
    needed_lines,
    rate_lines,
    short_hash,
    table_lines,
)
from traceview.judges.disputing import said_of
from traceview.judges.evidence import gather, texts_of
from traceview.judges.versions import Judge, Wish
from traceview.model.labels import Target
from traceview.store.interface import CancelToken, ready
from traceview.text.safe import safe_block, safe_line
from traceview.tui.actions import Area, bindings_for
from traceview.tui.context import AppContext
from traceview.tui.cursor import ListCursor, Place
from traceview.tui.judge_cells import TableCell, cells_of
from traceview.tui.screens.routes import item_screen, tree_screen
from traceview.tui.screens.verdict_notes import VerdictNotes
from traceview.tui.widgets.columns import Cell, Column
from traceview.tui.widgets.lines import Bar, Line, Lines, Pane, Part, wrapped
from traceview.tui.widgets.virtual_list import PAGE_ROWS, VirtualList

Row = dict[str, Any]
COLUMNS = (
    Column("id", "item", 12),
    Column("truth", "people", 10),
    Column("said", "judge", 10),
    Column("noted", "noted", 16, rank=2),
    Column("why", "why the judge says so", 20, flex=1),
)
NEXT_SPLIT: dict[SplitAsked, SplitAsked] = {"dev": "all", "all": "test", "test": "dev"}
HIGH = 36
"""From so many lines on everything that is known is told above the items."""
DELAY = 0.12
"""Seconds that the cursor rests before the text of an item is read."""


class _Known(Struct, frozen=True):
    calibration: Calibration
    reasons: dict[Target, str]
    notes: dict[Target, str]
    own: frozenset[Target]
    """What the person at the keys has labelled."""


class ConfusionScreen(VerdictNotes):
    """Figures, the cells of the table, and the items of one cell: people's label before the judge's verdict."""

    AREA: ClassVar[Area] = "confusion"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_for("app", "confusion")]
    DEFAULT_CSS = """
    ConfusionScreen {
        & > #figures { height: 8; padding: 0 1; background: $surface; }
        & > #cells { height: 1; background: $panel; }
        & > #rows { height: 1fr; }
        & > #here { height: 4; padding: 0 1; border-top: solid $divider; }
        &.-high > #figures { height: 20; }
        &.-high > #here { height: 8; }
    }
    """

    def __init__(self, context: AppContext, judge: Judge, split: SplitAsked) -> None:
        super().__init__(context)
        self.judge = judge
        self._split: SplitAsked = split
        self._known: _Known | None = None
        self._cells: tuple[TableCell, ...] = ()
        self._at: str | None = None
        """The name of the cell whose items are shown."""
        self._look_confirmed = False
        self._text: tuple[Target, str] | None = None

    def compose_body(self) -> ComposeResult:
        """Figures, cells, items, the item under the cursor."""
        yield Lines(id="figures")
        yield Bar(id="cells")
        yield VirtualList(partial(str.format, "{0[key]}"), _row_cells, id="rows")
        yield Pane(id="here")

    @property
    def rows(self) -> VirtualList:
        """The items of the cell."""
        return self.query_one("#rows", VirtualList)

    def on_mount(self) -> None:
        """Compare."""
        self._show_title()
        self._show_warning()
        self.rows.set_columns(COLUMNS, None)
        self.rows.focus()
        self.query_one("#figures", Lines).show([[("comparing …", "dim")]])
        self.action_refresh()

    def _show_title(self) -> None:
        split = "all labels" if self._split == "all" else f"{self._split} split"
        self.set_title(
            [
                (f" {safe_line(self.judge.name)}", "title"),
                (f" · {safe_line(self.judge.metric)} · {split}", "dim"),
            ],
            [(safe_line(self.context.source_title), "dim"), (" ", None)],
        )

    def on_screen_resume(self) -> None:
        """Labels may have changed in an item that was opened; a look at the test split is not repeated for that."""
        if self._known is not None and self._split != "test":
            self.action_refresh()

    def action_refresh(self) -> None:
        """Compare again."""
        annotator, engine = self.context.annotator, self.context.engine
        judge, split = self.judge, self._split
        if annotator is None:
            return
        store = annotator.store

        def compare(token: CancelToken) -> _Known:
            evidence = gather(
                partial(ready, engine), store, judge, Wish(split), annotator=annotator.name, token=token
            )
            from traceview.store.labels.verdict_notes import notes

            wanted = [one.target for one in evidence.compared]
            said = store.current(wanted, name=judge.metric, annotator=judge.name)
            told = {note.target: said_of(note) for note in notes(store, judge.name)}
            reasons = {row.target: row.reason or "" for row in said if row.source in ("judge", "code")}
            own = store.current(name=judge.metric, source="human", annotator=annotator.name)
            return _Known(calibrate(evidence), reasons, told, frozenset(row.target for row in own))

        self.ask("compare", compare, self._show)

    def _show(self, known: _Known) -> None:
        self._known = known
        # A verdict that is seen before one's own label is an anchor.
        self._cells = cells_of(known.calibration, known.own if self.blind else None)
        if self._at not in {cell.name for cell in self._cells}:
            first = next((cell for cell in self._cells if cell.items), None)
            self._at = first.name if first is not None else None
        self._show_figures()
        self._show_cell(keep=True)
        self._show_warning()

    def _show_warning(self) -> None:
        """What to be careful of, as long as nothing else is said."""
        warnings = self._known.calibration.warnings if self._known is not None else ()
        more = f" (+{len(warnings) - 1} more)" if len(warnings) > 1 else ""
        left: list[Part] = [(f" careful: {safe_line(warnings[0])}{more}", "warning")] if warnings else []
        self.set_status(left, [(safe_line(self.context.label_place), "dim"), (" ", None)])

    def _show_figures(self) -> None:
        if self._known is None:
            return
        found = self._known.calibration
        high = self.size.height >= HIGH
        self.set_class(high, "-high")
        version = f"version {short_hash(found.evidence.judge_hash)}"
        short = [*table_lines(found), *figure_lines(found), *rate_lines(found), *needed_lines(found)]
        whole = [*calibration_lines(found), *(f"careful: {one}" for one in found.warnings)]
        lines: list[Line] = [[(safe_line(line), None)] for line in (whole if high else short)]
        if not high:
            lines = [line for line in lines if line[0][0]]
            lines[0] = [*lines[0], (f"   {version}, {found.count:,} items", "dim")]
        self.query_one("#figures", Lines).show(lines)

    def _show_cell(self, *, keep: bool = False) -> None:
        parts: list[Part] = [(" ", None)]
        for cell in self._cells:
            usual = "good" if cell.agrees else "warning"
            style = "on" if cell.name == self._at else usual if cell.items else "dim"
            parts += [(f"{safe_line(cell.name)} {cell.count:,}", style), ("   ", None)]
        hidden = sum(cell.hidden for cell in self._cells)
        right = f"{hidden:,} hidden: not labelled by you, and blind is on " if hidden else ""
        self.query_one("#cells", Bar).say(parts, [(right, "warning")] if right else [])
        items = self._items
        rows = [self._row(number, one) for number, one in enumerate(items)]
        pages = {
            start // PAGE_ROWS: rows[start : start + PAGE_ROWS] for start in range(0, len(rows), PAGE_ROWS)
        }
        cursor = min(self.rows.cursor, max(0, len(rows) - 1)) if keep else 0
        empty = (
            "No labelled item is in this cell."
            if self._cells
            else "No labelled item was judged in this split."
        )
        self.rows.show(len(rows), pages, cursor=cursor, empty_text=empty)

    @property
    def _items(self) -> tuple[Compared, ...]:
        return next((cell.items for cell in self._cells if cell.name == self._at), ())

    @property
    def _here(self) -> Compared | None:
        items, cursor = self._items, self.rows.cursor
        return items[cursor] if cursor < len(items) else None

    def _row(self, number: int, one: Compared) -> Row:
        assert self._known is not None
        return {
            "key": str(number),
            "id": one.target.id,
            "truth": format_value(one.truth),
            "said": format_value(one.said),
            "agrees": one.truth == one.said,
            "noted": self._known.notes.get(one.target, ""),
            "why": self._known.reasons.get(one.target, ""),
        }

    # The item under the cursor.

    @on(VirtualList.CursorMoved)
    def follow_cursor(self, message: VirtualList.CursorMoved) -> None:
        """Tell of the item under the cursor, once it rests."""
        message.stop()
        self._show_here()
        here, engine = self._here, self.context.engine
        if here is None or (self._text is not None and self._text[0] == here.target):
            return
        target = here.target

        def read(token: CancelToken) -> tuple[Target, str]:
            return target, texts_of(engine, [target], token)[0]

        def show(found: tuple[Target, str]) -> None:
            self._text = found
            self._show_here()

        self.ask("text", read, show, delay=DELAY)

    @on(Pane.Resized)
    def wrap_again(self) -> None:
        """Wrap to the new width."""
        self._show_here()
        self._show_figures()

    def _show_here(self) -> None:
        pane = self.query_one("#here", Pane)
        here, known = self._here, self._known
        if here is None or known is None:
            pane.show([])
            return
        cells = max(10, pane.size.width - 2)
        lines: list[Line] = []
        reason = known.reasons.get(here.target, "")
        if reason:
            lines += wrapped(f"judge: {safe_block(reason)}", cells, None, 3)
        if self._text is not None and self._text[0] == here.target:
            lines += wrapped(
                safe_line(self._text[1]) or "the source does not have it any more", cells, "dim", 6
            )
        pane.show(lines)

    # What the keys do.

    def action_section_next(self) -> None:
        """The next cell."""
        self._step_cell(1)

    def action_section_previous(self) -> None:
        """The previous cell."""
        self._step_cell(-1)

    def _step_cell(self, by: int) -> None:
        names = [cell.name for cell in self._cells]
        if self._at in names:
            self._at = names[(names.index(self._at) + by) % len(names)]
            self._show_cell()

    def action_measure(self) -> None:
        """The labels of another split; a look at the test split is asked for twice, as it is noted."""
        split = NEXT_SPLIT[self._split]
        if split == "test" and not self._look_confirmed:
            self._look_confirmed = True
            key = self.key_of("measure")
            self.say(f"Next is the test split, and each look at it is noted: {key} again looks.")
            return
        self._look_confirmed = False
        self._split = split
        self._show_title()
        self.action_refresh()

    @on(VirtualList.Opened)
    def action_open(self) -> None:
        """The item under the cursor; the next and previous ones of the cell are a key away inside."""
        here = self._here
        if here is None:
            return
        items, at = self._items, self.rows.cursor
        if here.target.kind == "span":
            trace = Target("trace", str(here.target.trace_id), here.target.trace_id)
            self.app.push_screen(tree_screen(self.context, trace, None, span_id=here.target.id))
            return

        def fetch(offset: int, limit: int, token: CancelToken | None) -> Sequence[Row]:
            return [_item_row(one.target) for one in items[offset : offset + limit]]

        cursor = ListCursor(Place(at, _item_row(here.target)), len(items), fetch, self._moved)
        self.app.push_screen(item_screen(self.context, here.target, cursor))

    def _moved(self, place: Place) -> None:
        self.rows.put_cursor(place.position)

    # What is said of verdicts.

    @property
    def verdict_here(self) -> Compared | None:
        """The item under the cursor."""
        return self._here

    @property
    def judge_hash(self) -> str | None:
        """The version whose verdicts are shown."""
        return self._known.calibration.evidence.judge_hash if self._known is not None else None

    def after_note(self, target: Target, words: str) -> None:
        """Show what was noted; where each look is noted, without another look."""
        if self._split == "test" and self._known is not None:
            self._known.notes[target] = words
            self._show_cell(keep=True)
        else:
            self.action_refresh()

    def after_replay(self) -> None:
        """Compare again; where each look is noted, when a person asks for it."""
        if self._split != "test":
            self.action_refresh()


def _item_row(target: Target) -> Row:
    return {"thread_id": target.id} if target.kind == "thread" else {"trace_id": target.trace_id or target.id}


def _row_cells(row: Row) -> dict[str, Cell]:
    return {
        "id": Cell(safe_line(row["id"]), "dim"),
        "truth": Cell(safe_line(row["truth"])),
        "said": Cell(safe_line(row["said"]), "good" if row["agrees"] else "warning"),
        "noted": Cell(safe_line(row["noted"]), "dim"),
        "why": Cell(safe_line(row["why"])),
    }
