"""The panes of one trace: its facts, what is wrong with it, where the cursor stands, the tree, the span."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from textual import events, on
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.geometry import Size
from textual.timer import Timer
from textual.widget import Widget

from traceview.model.labels import Target
from traceview.store.interface import CancelToken, TraceDetail
from traceview.tui import glyphs
from traceview.tui.context import AppContext
from traceview.tui.cursor import ListCursor
from traceview.tui.panels.span_detail import SpanDetail
from traceview.tui.screens.item import ItemScreen
from traceview.tui.span_reading import read_sections
from traceview.tui.span_sections import Sections
from traceview.tui.widgets.lines import Bar, Part
from traceview.tui.widgets.span_facts import SpanFacts
from traceview.tui.widgets.span_tree import SpanTree
from traceview.tui.widgets.text_view import TextView

Row = dict[str, Any]

NEAR_LINES = 4
"""Lines above and below the cursor whose payloads are read ahead, with one question."""
SIDE_BY_SIDE = 100
"""Cells of the item from which tree and detail stand side by side."""
PANEL_CELLS = 38
"""Cells of the annotate panel beside the item."""
FOLLOW_SECONDS = 0.08
"""The cursor rests so long before the detail follows it: while a key is held, only the tree is written."""
PATH_ROWS = 16
"""Rows of the screen from which the path of the span under the cursor has a line of its own."""


class TraceItem(Struct, frozen=True):
    """A trace, arranged, with the sections of the span that is looked at first, None while they are not read."""

    detail: TraceDetail
    facts: SpanFacts
    first: str | None
    sections: Sections | None


class TracePanes(ItemScreen[TraceItem]):
    """The tree on the left (on top when narrow), the span under its cursor on the right, after a moment."""

    SPLIT = ("#tree", "#span")
    first_look_is_all = False
    DEFAULT_CSS = """
    TracePanes {
        #facts { height: 1; background: $surface; }
        #warnings { height: 1; background: $surface; display: none; }
        #warnings.-any { display: block; }
        #path { height: 1; background: $surface; }
        &.-flat #path { display: none; }
        #halves { height: 1fr; layout: vertical; }
        #tree { height: 2fr; }
        #span { height: 3fr; border-top: solid $divider; }
        #detail { height: 1fr; }
        &.-beside #halves { layout: horizontal; }
        &.-beside #tree { width: 11fr; height: 1fr; }
        &.-beside #span { width: 10fr; height: 1fr; border-top: none; border-left: solid $divider; }
    }
    """

    def __init__(
        self,
        context: AppContext,
        target: Target,
        cursor: ListCursor | None,
        *,
        annotate: bool = False,
        span_id: str | None = None,
    ) -> None:
        super().__init__(context, target, cursor, annotate=annotate)
        self._wanted_span = span_id
        self._detail: TraceDetail | None = None
        self._item_facts: SpanFacts = SpanFacts(())
        self._follow_timer: Timer | None = None
        self._follow_at_once = True

    def compose_item(self) -> ComposeResult:
        """Facts of the trace, the path to the span, the tree, the span."""
        with Vertical():
            yield Bar(id="facts")
            yield Bar(id="warnings")
            yield Bar(id="path")
            with Container(id="halves"):
                yield SpanTree(id="tree")
                yield SpanDetail(
                    self.context,
                    hides_identity=lambda: self.panel.hides_identity,
                    neighbours=lambda: self.tree_pane.rows_near(NEAR_LINES),
                    trace=lambda: self._detail,
                    id="span",
                )

    @property
    def tree_pane(self) -> SpanTree:
        """The tree."""
        return self.query_one("#tree", SpanTree)

    @property
    def span_detail(self) -> SpanDetail:
        """The span under the cursor."""
        return self.query_one("#span", SpanDetail)

    def text_pane(self) -> TextView:
        """The detail of the span."""
        return self.span_detail.text_view

    def pane(self) -> SpanTree | TextView:
        """The detail while it has the focus, else the tree."""
        return self.text_pane() if self.in_detail else self.tree_pane

    @property
    def in_detail(self) -> bool:
        """True while the focus is on the detail of the span."""
        return self.focused is self.text_pane()

    def panes(self) -> Sequence[Widget]:
        """Tree and span."""
        return (self.tree_pane, self.span_detail)

    # Fetching.

    def fetch_item(self, target: Target, token: CancelToken) -> TraceItem:
        """The trace, and the payload of its first span (or of the one that was asked for)."""
        item = self.look_at_item(target, token)
        position = item.facts.position_of(item.first) if item.first is not None else None
        if item.first is None or position is None:
            return item
        sections = read_sections(self.context, [item.facts.row(position)], token)[item.first]
        return TraceItem(item.detail, item.facts, item.first, sections)

    def row_of(self, item: TraceItem) -> Row:
        """The row of the trace."""
        return item.detail.trace

    def look_at_item(self, target: Target, token: CancelToken) -> TraceItem:
        """The trace, arranged, without any payload: reading one may take as long as reading all of them."""
        detail = self.context.engine.trace(target.id, token, self.starts.get(target.id))
        facts = SpanFacts(detail.spans)
        first = self.first_span(facts)
        return TraceItem(detail, facts, str(first["span_id"]) if first else None, None)

    def first_span(self, facts: SpanFacts) -> Row | None:
        """The span that was asked for, else the root that starts first."""
        position = facts.position_of(self._wanted_span) if self._wanted_span is not None else None
        if position is None:
            position = next((at for at in range(len(facts)) if facts.is_root(at)), 0)
        return facts.row(position) if len(facts) else None

    # The span under the cursor.

    @on(SpanTree.Highlighted)
    def _on_highlighted(self, event: SpanTree.Highlighted) -> None:
        self.draw_path()
        if self._follow_timer is not None:
            self._follow_timer.stop()
        if self._follow_at_once:
            self._follow_at_once = False
            self.follow()
        else:
            self._follow_timer = self.set_timer(FOLLOW_SECONDS, self._follow_at_rest)

    def _follow_at_rest(self) -> None:
        self.cursor_rests()
        self.follow()

    def follow(self) -> None:
        """Let the detail show the span under the cursor now."""
        if self._follow_timer is not None:
            self._follow_timer.stop()
            self._follow_timer = None
        row = self.tree_pane.row
        if row is not None:
            self.span_detail.show_span(row, self.section_to_open())

    def section_to_open(self) -> str | None:
        """The section at which the detail opens the span under the cursor, None: as it sees fit."""
        return None

    def draw_path(self) -> None:
        """Say where the span under the cursor stands."""
        tree, cells = self.tree_pane, self.query_one("#item").size.width
        position = tree.position
        if position is None:
            self.query_one("#path", Bar).say([])
            return
        number = f"row {position + 1:,} of {len(tree.facts):,} "
        path = tree.path(max(8, cells - len(number) - 3))
        before, between, name = path.rpartition(f" {glyphs.MORE_RIGHT} ")
        left: list[Part] = [(" ", None), (before + between, "dim"), (name, None)]
        self.query_one("#path", Bar).say(left, [(number, "dim")])

    def draw_warnings(self) -> None:
        """Say what is wrong with the trace as a whole, on a line of its own if anything is."""
        said = self._item_facts.warnings()
        bar = self.query_one("#warnings", Bar)
        bar.set_class(bool(said), "-any")
        bar.say([(" ! " + " · ".join(said), "warning")] if said else [])

    # Room.

    def on_resize(self, event: events.Resize) -> None:
        """The panes share the room there is."""
        super().on_resize(event)
        self.share_panes()
        self.call_after_refresh(self.draw_path)

    def size_classes(self, size: Size) -> dict[str, bool]:
        """Side by side where there is room beside the annotate panel."""
        classes = super().size_classes(size)
        beside_panel = self.annotating and not classes["-low"]
        return classes | {
            "-flat": size.height < PATH_ROWS,
            "-beside": size.width - (PANEL_CELLS if beside_panel else 0) >= SIDE_BY_SIDE,
        }

    def action_annotate(self) -> None:
        """Open the annotate panel, or close it."""
        super().action_annotate()
        self.update_classes(self.size_classes(self.size))
        self.share_panes()
