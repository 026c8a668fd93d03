"""A check is typed, and what it finds in all traces of the filter, and beside people's labels, follows as one types."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import TextArea

from traceview.annotation.values import format_value
from traceview.definitions.document import parse_document
from traceview.definitions.judge_files import judges_folder
from traceview.files.atomic import atomic_write
from traceview.filters.ast import Node
from traceview.judges.check_completion import Completions, completions
from traceview.judges.live_check import Hit, LiveCheck, LiveResult
from traceview.judges.loading import parsed
from traceview.model.errors import BadInput, TraceviewError
from traceview.model.judges import JudgeDefinition
from traceview.model.labels import Target
from traceview.store.interface import CancelToken
from traceview.text.safe import safe_block, safe_line
from traceview.tui.actions import Area, bindings_for
from traceview.tui.check_cells import CELLS, cells_line, figures_line
from traceview.tui.context import AppContext
from traceview.tui.cursor import ListCursor, Place
from traceview.tui.screens.base import TraceviewScreen
from traceview.tui.screens.routes import item_screen, tree_screen
from traceview.tui.widgets.check_text import CheckText
from traceview.tui.widgets.columns import Cell, Column
from traceview.tui.widgets.lines import Bar, Line, Pane, wrapped
from traceview.tui.widgets.virtual_list import PAGE_ROWS, VirtualList

Row = dict[str, Any]
COLUMNS = (
    Column("id", "item", 12),
    Column("said", "check", 6),
    Column("truth", "people", 6, rank=1),
    Column("why", "why", 30, flex=1),
)
PAUSE = 0.25
"""Seconds without a key before a check is tried."""
HIGH = 36
OF_ALL = 3
"""The cells of all targets stand on the first line."""
TEMPLATE = """name = "{name}"
metric = "{metric}"
kind = "code"

[check]
use = "{use}"
"""


class CheckEditor(TraceviewScreen):
    """The text above, the cells and their items below."""

    AREA: ClassVar[Area] = "check"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_for("app", "check")]
    DEFAULT_CSS = """
    CheckEditor {
        & > #check-text { height: 8; }
        & > #completions, & > #figures, & > #cells, & > #labelled { height: 1; background: $surface; }
        & > #rows { height: 1fr; }
        & > #here { height: 3; padding: 0 1; border-top: solid $divider; }
        &.-high > #check-text { height: 14; }
        &.-high > #here { height: 7; }
    }
    """

    def __init__(self, context: AppContext, where: Node | None = None, filter_text: str = "") -> None:
        super().__init__(context)
        self._where = where
        self._filter_text = filter_text
        annotator = context.annotator
        self._live = LiveCheck(context.engine, annotator.store if annotator is not None else None)
        self._judge: JudgeDefinition | None = None
        self._found = LiveResult()
        self._completions = Completions(0, ())
        self._at = 0
        """The place of the cell whose items are shown."""
        self._hits: list[Hit] = []
        self._tried = ""
        self._replacing = ""

    def compose_body(self) -> ComposeResult:
        """The text, what may be typed, the cells, the items of one, the item under the cursor."""
        yield CheckText(self.context.drafts.get("check") or self._template(), id="check-text")
        yield Bar(id="completions")
        yield Bar(id="figures")
        yield Bar(id="cells")
        yield Bar(id="labelled")
        yield VirtualList(partial(str.format, "{0[key]}"), _row_cells, id="rows")
        yield Pane(id="here")

    def _template(self) -> str:
        names = [one.name for one in self.context.definitions if one.type == "boolean"]
        return TEMPLATE.format(
            name="my_check", metric=names[0] if names else "my_check", use="urls_from_tools"
        )

    @property
    def text(self) -> CheckText:
        """The field."""
        return self.query_one("#check-text", CheckText)

    @property
    def rows(self) -> VirtualList:
        """The items of the cell."""
        return self.query_one("#rows", VirtualList)

    def on_mount(self) -> None:
        """Try what stands there."""
        filtered = f" · {safe_line(self._filter_text)}" if self._filter_text else " · all traces"
        self.set_title(
            [(" check editor", "title"), (filtered, "dim")],
            [(safe_line(self.context.source_title), "dim"), (" ", None)],
        )
        self.set_class(self.size.height >= HIGH, "-high")
        self.set_status([], [(safe_line(self.context.label_place), "dim"), (" ", None)])
        self.rows.set_columns(COLUMNS, None)
        text = self.text
        text.move_cursor(text.document.end)
        text.focus()
        self._try(0.0)

    def on_unmount(self) -> None:
        """Stop what runs; its processes end in a thread, as they may be busy."""
        self.cancel_asked()
        threading.Thread(target=self._live.close, name="check-close", daemon=True).start()

    def footer_hints(self) -> list[tuple[str, str]]:
        """The keys of the field while it has the focus."""
        focused = self.focused if self.is_mounted else None
        if isinstance(focused, CheckText):
            save = next(action for action in self.registry if action.id == "save_check")
            return [(save.keys[0], save.title), ("Tab", "complete, or to the items"), ("Esc", "to the items")]
        hints = super().footer_hints()
        return [*hints[:1], ("← →", "cells"), *hints[1:]]

    # The text.

    @on(TextArea.Changed)
    def typed(self, message: TextArea.Changed) -> None:
        """Try what is typed once there is a pause; what was being tried is given up."""
        message.stop()
        self.context.drafts["check"] = self.text.text
        self._replacing = ""
        self._complete()
        self._try(PAUSE)

    @on(TextArea.SelectionChanged)
    def moved_in_text(self, message: TextArea.SelectionChanged) -> None:
        """Show what may be typed here."""
        message.stop()
        self._complete()

    @on(CheckText.Tab)
    def tab(self, message: CheckText.Tab) -> None:
        """Put the first word that fits; without one go to the items."""
        message.stop()
        if self._completions.words and self._completions.typed:
            self.text.complete(self._completions.typed, self._completions.words[0])
        else:
            self.rows.focus()

    @on(CheckText.Left)
    def leave_text(self, message: CheckText.Left) -> None:
        """To the items."""
        message.stop()
        self.rows.focus()

    def _complete(self) -> None:
        text = self.text
        row, column = text.cursor_location
        names = [one.name for one in self.context.definitions]
        self._completions = found = completions(text.text, row, column, names)
        parts: Line = [(" ", None)]
        for number, word in enumerate(found.words):
            parts = [*parts, (word, "accent" if number == 0 else "dim"), ("  ", None)]
        about: Line = [(f"{found.about} ", "dim")] if found.about else []
        self.query_one("#completions", Bar).say(parts, about)

    def _try(self, delay: float) -> None:
        """Try the check after a pause."""
        text = self.text.text
        if text == self._tried and self._judge is not None and self.is_asking("check"):
            return
        live, where = self._live, self._where

        def question(token: CancelToken) -> LiveResult:
            judge = self._parse_text(text)
            self.tell_part("check", token, judge, self._begin)
            return live.run(judge, where, token, lambda found: self._tell(token, found))

        self._tried = text
        self.ask("check", question, self._show, failed=self._refuse, delay=delay)

    def _parse_text(self, text: str) -> JudgeDefinition:
        project = self.context.project
        if project is None:
            raise BadInput("there is no project here whose judges could be written")
        judge = parsed(parse_document(judges_folder(project) / "check.toml", text), project)
        if judge.kind != "code":
            raise BadInput('only judges of kind "code" are tried here')
        return judge

    def _tell(self, token: CancelToken, found: LiveResult) -> None:
        """Show a part: a copy, as the whole goes on growing."""
        self.tell_part("check", token, found.copy(), self._show)

    def _begin(self, judge: JudgeDefinition) -> None:
        self._judge = judge
        self.query_one("#figures", Bar).say([(f" {safe_line(judge.name)}: trying …", "dim")])

    def _refuse(self, error: TraceviewError) -> None:
        """Say what is wrong with the text; the items of the check before stay, and it is said that they are of that."""
        words = error.message if error.hint is None else f"{error.message}: {error.hint}"
        folder = judges_folder(self.context.project) if self.context.project is not None else None
        said = words.replace(f"{folder}/check.toml:", "line ") if folder is not None else words
        before: Line = [("below: the check before ", "dim")] if self._found.cells else []
        self.query_one("#figures", Bar).say([(f" ✗ {safe_line(said)}", "error")], before)
        pane = self.query_one("#here", Pane)
        pane.show(wrapped(safe_line(said), max(10, pane.size.width - 2), "error"))

    # What was found.

    def _show(self, found: LiveResult) -> None:
        self._found = found
        judge = self._judge
        if judge is None:
            return
        judged = found.count(None, None)
        share = "" if found.complete else f"  {found.done / max(1, found.spans):.0%} …"
        failing = found.count(None, "fail")
        applying = failing + found.count(None, "pass")
        rate = f" fails {failing:,} of {applying:,} that it applies to" if applying else " applies to none"
        parts: Line = [
            (f" {safe_line(judge.name)}", "title"),
            (rate, None),
            (f"  {judged:,} {judge.scope}s in {found.seconds:.1f} s{share}", "dim"),
        ]
        self.query_one("#figures", Bar).say(parts)
        self._show_cells()

    def _show_cells(self) -> None:
        found, judge = self._found, self._judge
        self.query_one("#cells", Bar).say(cells_line(found, self._at, 0, OF_ALL))
        labelled: Line = cells_line(found, self._at, OF_ALL, len(CELLS))
        if judge is not None and not any(truth for truth, _ in found.cells):
            labelled = [*figures_line(found, safe_line(judge.metric))]
        self.query_one("#labelled", Bar).say(labelled)
        cell = CELLS[self._at]
        self._hits = found.hits(cell.truth, cell.said)
        rows = [_row(number, hit) for number, hit in enumerate(self._hits)]
        pages = {
            start // PAGE_ROWS: rows[start : start + PAGE_ROWS] for start in range(0, len(rows), PAGE_ROWS)
        }
        cursor = min(self.rows.cursor, max(0, len(rows) - 1))
        self.rows.show(len(rows), pages, cursor=cursor, empty_text=f"{cell.name}: none")
        self._show_here()

    @property
    def _here(self) -> Hit | None:
        cursor = self.rows.cursor
        return self._hits[cursor] if cursor < len(self._hits) else None

    @on(VirtualList.CursorMoved)
    def follow_cursor(self, message: VirtualList.CursorMoved) -> None:
        """Tell of the item under the cursor."""
        message.stop()
        self._show_here()

    @on(Pane.Resized)
    def wrap_again(self) -> None:
        """Wrap to the new width."""
        self.set_class(self.size.height >= HIGH, "-high")
        self._show_here()

    def _show_here(self) -> None:
        pane = self.query_one("#here", Pane)
        here, judge = self._here, self._judge
        lines: list[Line] = []
        cells = max(10, pane.size.width - 2)
        if judge is not None and any(truth for truth, _ in self._found.cells):
            lines.append(figures_line(self._found, safe_line(judge.metric)))
        if here is not None:
            said = [here.judgement.explanation, *(f"- {one}" for one in here.judgement.evidence)]
            for text in said:
                lines += wrapped(safe_block(text), cells, None, 3)
        pane.show(lines)

    # What the keys do.

    def action_section_next(self) -> None:
        """The next cell."""
        self._step(1)

    def action_section_previous(self) -> None:
        """The previous cell."""
        self._step(-1)

    def _step(self, by: int) -> None:
        self._at = (self._at + by) % len(CELLS)
        self.rows.put_cursor(0)
        self._show_cells()

    @on(VirtualList.Opened)
    def action_open(self) -> None:
        """The item under the cursor; the next and previous ones of the cell are a key away inside."""
        here = self._here
        if here is None:
            return
        hits, at, target = list(self._hits), self.rows.cursor, here.judgement.target
        if target.kind == "span":
            trace = Target("trace", str(target.trace_id), target.trace_id)
            self.app.push_screen(tree_screen(self.context, trace, None, span_id=target.id))
            return

        def fetch(offset: int, limit: int, token: CancelToken | None) -> Sequence[Row]:
            return [_item_row(one.judgement.target) for one in hits[offset : offset + limit]]

        cursor = ListCursor(Place(at, _item_row(target)), len(hits), fetch, self._moved)
        self.app.push_screen(item_screen(self.context, target, cursor))

    def _moved(self, place: Place) -> None:
        self.rows.put_cursor(place.position)

    def action_save_check(self) -> None:
        """Write the judge file; one that is there with another text is replaced by a second press."""
        text, project = self.text.text, self.context.project
        if project is None:
            self.say("There is no project here whose judges could be written.", error=True)
            return
        try:
            judge = self._parse_text(text)
        except BadInput as error:
            self._refuse(error)
            self.say("Not saved: the text is no judge yet.", error=True)
            return
        path = judges_folder(project) / f"{judge.name}.toml"
        before = path.read_text("utf-8", "replace") if path.is_file() else None
        key = self.key_of("save_check")
        if before is not None and before != text and self._replacing != text:
            self._replacing = text
            self.say(f"{path.name} is there and says something else: {key} again replaces it.")
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(path, text if text.endswith("\n") else f"{text}\n", mode=0o644)
        except OSError as error:
            self.say(f"{path} cannot be written: {error.strerror}", error=True)
            return
        self.say(f"✓ saved {path}; F5 shows the judges, `traceview judge run` runs it")


def _row(number: int, hit: Hit) -> Row:
    judgement = hit.judgement
    return {
        "key": str(number),
        "id": judgement.target.id,
        "said": "error" if judgement.outcome == "error" else format_value(judgement.value),
        "truth": hit.truth,
        "why": "; ".join(judgement.evidence) or judgement.explanation,
    }


def _item_row(target: Target) -> Row:
    return {"thread_id": target.id} if target.kind == "thread" else {"trace_id": target.trace_id or target.id}


def _row_cells(row: Row) -> dict[str, Cell]:
    return {
        "id": Cell(safe_line(row["id"]), "dim"),
        "said": Cell(safe_line(row["said"]), "error" if row["said"] in ("fail", "error") else None),
        "truth": Cell(safe_line(row["truth"] or "")),
        "why": Cell(safe_line(row["why"])),
    }
