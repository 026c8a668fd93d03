"""The items of one failure mode: marked, or narrowed by a filter, they go to another mode, and the mode is split."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from traceview.annotation.mode_examples import ModeExample, ModeExamples, mode_examples
from traceview.annotation.modes import MODE, mode_figures, rename_soon
from traceview.annotation.service import Action
from traceview.model.errors import BadInput, TraceviewError
from traceview.model.labels import Target
from traceview.store.interface import CancelToken, ready
from traceview.text.preview import collapse
from traceview.text.safe import safe_line
from traceview.tui.actions import Area, bindings_for
from traceview.tui.context import AppContext
from traceview.tui.cursor import ListCursor, Place
from traceview.tui.panels.mode_picker import ModePicker
from traceview.tui.screens.filter_keys import FilterKeys
from traceview.tui.screens.label_replay import LabelReplay, Steps
from traceview.tui.screens.routes import item_screen
from traceview.tui.widgets.columns import Cell, Column
from traceview.tui.widgets.filter_bar import FilterBar
from traceview.tui.widgets.lines import Bar, Part
from traceview.tui.widgets.virtual_list import PAGE_ROWS, VirtualList

Row = dict[str, Any]
COLUMNS = (
    Column("kind", "item", 9),
    Column("note", "note", 24, flex=1),
    Column("text", "what was asked and answered", 30, flex=2),
    Column("when", "given", 12, rank=2),
)
LONGEST_CELL = 400


class ModeItemsScreen(LabelReplay, FilterKeys):
    """One's own items of a failure mode; what is marked, else what a filter leaves, is moved to another mode."""

    AREA: ClassVar[Area] = "examples"
    REPLAY_GROUP: ClassVar[str] = "move"
    HERE: ClassVar[Mapping[str, str]] = {"mode": "move to another"}
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings_for("app", "examples"),
        Binding("space", "mark", show=False),
    ]
    DEFAULT_CSS = """
    ModeItemsScreen {
        & > #about { height: 1; background: $surface; }
        & > #rows { height: 1fr; }
    }
    """

    def __init__(self, context: AppContext, mode: str, steps: Steps) -> None:
        super().__init__(context)
        self.steps = steps
        """Shared with the screen of all modes: what is done on one is taken back on either."""
        self.mode = mode
        self._found: ModeExamples | None = None
        self._marked: dict[str, Target] = {}
        """They stay marked when a filter hides them."""

    def compose_body(self) -> ComposeResult:
        """The filter, what Enter and the keys are about, the items."""
        yield FilterBar(self.filter_text, id="filter")
        yield Bar(id="about")
        yield VirtualList(partial(str.format, "{0[key]}"), _cells, id="rows")

    @property
    def rows(self) -> VirtualList:
        """One row per item."""
        return self.query_one("#rows", VirtualList)

    def on_mount(self) -> None:
        """Find them."""
        self.set_title(
            [(" failure modes › ", "dim"), (safe_line(self.mode), "title")],
            [(safe_line(self.context.source_title), "dim"), (" ", None)],
        )
        self.set_status([], [(safe_line(self.context.label_sentence), "dim"), (" ", None)])
        self.rows.set_columns(COLUMNS, None)
        self.rows.set_marks(self._marked.__contains__)
        self.begin_filter(self.rows)
        self.rows.focus()
        self.action_refresh()

    def on_screen_resume(self) -> None:
        """An item that was opened may have other modes now."""
        if self._found is not None:
            self.action_refresh()

    # What is shown.

    def action_refresh(self) -> None:
        """Find the items again."""
        self._find(0.0)

    def filter_applied(self, delay: float) -> None:
        """Show what matches now."""
        self._find(delay)

    def filter_returned(self) -> None:
        """Show what the filter that was kept leaves."""
        self._find(0.0)

    def _find(self, delay: float) -> None:
        annotator, engine, mode, node = self.context.annotator, self.context.engine, self.mode, self._node
        if annotator is None:
            return

        def find(token: CancelToken) -> ModeExamples:
            return mode_examples(ready(engine), annotator, mode, node, token=token)

        self.ask("examples", find, self._show, failed=self._not_found, delay=delay)

    def _not_found(self, error: TraceviewError) -> None:
        self._show(ModeExamples((), self._found.of if self._found else 0, 0), problem=f"✗ {error}")

    def _show(self, found: ModeExamples, problem: str = "") -> None:
        self._found = found
        list_ = self.rows
        cursor = min(list_.cursor, max(0, len(found.found) - 1))
        rows = [_row(one) for one in found.found]
        pages = {at // PAGE_ROWS: rows[at : at + PAGE_ROWS] for at in range(0, len(rows), PAGE_ROWS)}
        empty = problem or (
            "No item of yours has this failure mode and matches the filter."
            if self.filter_text
            else "No item of yours has this failure mode any more."
        )
        list_.show(len(rows), pages, cursor=cursor, empty_text=safe_line(empty))
        self._show_about()

    def _show_about(self) -> None:
        found = self._found
        if found is None:
            return
        shown = len(found.found)
        about: list[Part] = [
            (f" {shown:,}", None),
            (f" of your {found.of:,} item{'' if found.of == 1 else 's'}", "dim"),
        ]
        if found.others:
            about.append((f" · {found.others:,} that others gave it stay theirs", "dim"))
        move = self.key_of("mode")
        if self._marked:
            about.append((f"  ● {len(self._marked):,} marked: {move} moves them to another mode", "warning"))
        elif self.filter_text and shown:
            about.append((f"  {move} moves these {shown:,} to another mode", "accent"))
        else:
            about.append((f"  x or Space marks, f filters; then {move} moves them to another mode", "dim"))
        self.query_one("#about", Bar).say(about)

    # What the keys do.

    def action_mark(self) -> None:
        """Mark the item, or take the mark off, and go one down."""
        row = self.rows.row
        if row is not None:
            if self._marked.pop(row["key"], None) is None:
                self._marked[row["key"]] = row["target"]
            self.rows.refresh_cells([row["key"]])
            self.rows.action_cursor_down()
            self._show_about()

    def action_mark_all(self) -> None:
        """Mark all that are shown; with marks, take all off."""
        if self._found is not None:
            every = {_key(one.target): one.target for one in self._found.found}
            left = {} if self._marked else every
            self._marked.clear()
            self._marked |= left
            self.rows.refresh()
            self._show_about()

    @on(VirtualList.Opened)
    def action_open(self) -> None:
        """Read the item under the cursor; what is walked to from there is the next one of these."""
        found = self._found.found if self._found is not None else ()
        cursor = self.rows.cursor
        if cursor >= len(found):
            self.say("There is nothing to open.")
            return
        target = found[cursor].target
        if target.kind == "span":
            self.app.push_screen(item_screen(self.context, target, None))
            return
        alike = [one.target for one in found if one.target.kind == target.kind]
        id_name = "thread_id" if target.kind == "thread" else "trace_id"

        def fetch(offset: int, limit: int, token: CancelToken | None) -> list[Row]:
            return [{id_name: one.id} for one in alike[offset : offset + limit]]

        walk = ListCursor(Place(alike.index(target), {id_name: target.id}), len(alike), fetch)
        self.app.push_screen(item_screen(self.context, target, walk, transcript=True))

    def action_mode(self) -> None:
        """Pick the mode that the marked items go to, else all that the filter leaves."""
        annotator, found = self.context.annotator, self._found
        if annotator is None or found is None:
            return
        chosen = list(self._marked.values())
        if not chosen and self.filter_text:
            chosen = [one.target for one in found.found]
        if not chosen:
            self.say("Mark items first, or filter: = on the screen before renames the whole mode.")
            return

        def known(token: CancelToken) -> list[tuple[str, int]]:
            figures = mode_figures(annotator.store.current(name=MODE), self.context.modes)
            return [(one.mode.name, one.count) for one in figures if one.mode.name != self.mode]

        def pick(counts: list[tuple[str, int]]) -> None:
            what = f"{len(chosen):,} of {found.of:,} items of {safe_line(self.mode)} to which mode?"
            picker = ModePicker(counts, (), what, heading="move ", only_one=True)
            self.app.push_screen(picker, partial(self._move, chosen))

        self.ask("modes", known, pick)

    def _move(self, chosen: list[Target], picked: tuple[str, ...] | None) -> None:
        annotator, mode = self.context.annotator, self.mode
        if not picked or annotator is None:
            return
        (name,) = picked

        def move(token: CancelToken) -> Action | None:
            if name == mode:
                raise BadInput("that is the mode they have")
            return rename_soon(annotator, [mode], name, chosen).result()

        def told(action: Action | None) -> None:
            self._marked.clear()
            self._find(0.0)
            if action is None:
                self.say("None of these items of yours has it any more.")
            else:
                self.steps.did(action)
                count = len(action.rows)
                self.say(
                    f"saved ✓ {safe_line(name)} on {count:,} item{'' if count == 1 else 's'}; u takes it back"
                )

        self.ask("move", move, told)

    def after_replay(self) -> None:
        """Read the items anew."""
        self._find(0.0)


def _key(target: Target) -> str:
    return f"{target.kind}\x1f{target.trace_id}\x1f{target.id}"


def _row(one: ModeExample) -> Row:
    return {
        "key": _key(one.target),
        "target": one.target,
        "kind": one.target.scope,
        "note": collapse(" · ".join(one.notes), LONGEST_CELL),
        "text": None if one.text is None else collapse(one.text, LONGEST_CELL),
        "when": one.given_at[:10],
    }


def _cells(row: Row) -> dict[str, Cell]:
    gone = row["text"] is None
    return {
        "kind": Cell(row["kind"], "dim"),
        "note": Cell(safe_line(row["note"])),
        "text": Cell(
            "not in the source any more" if gone else safe_line(row["text"]), "dim" if gone else None
        ),
        "when": Cell(row["when"], "dim"),
    }
