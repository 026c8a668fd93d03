"""One trace: its spans as a tree with a waterfall, and the span under the cursor section by section."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.widget import Widget
from textual.widgets import Input

from traceview.model.labels import Target
from traceview.store.interface import CancelToken, TraceDetail
from traceview.text import human
from traceview.tui.actions import Area, bindings_for
from traceview.tui.context import AppContext
from traceview.tui.cursor import ListCursor
from traceview.tui.panels.annotate import AnnotatePanel
from traceview.tui.panels.span_detail import SpanDetail, read_sections
from traceview.tui.screens.item import ItemScreen
from traceview.tui.screens.routes import transcript_screen
from traceview.tui.span_blocks import Sections, one_line, prompt_of, versions_of
from traceview.tui.widgets.lines import Bar, Part
from traceview.tui.widgets.span_tree import SpanTree
from traceview.tui.widgets.text_view import TextView

Row = dict[str, Any]

NEAR_LINES = 4
"""Lines above and below the cursor whose payloads are read ahead, with one question."""
SIDE_BY_SIDE = 100
"""Cells of the item from which tree and detail stand side by side."""


@dataclass(frozen=True, slots=True)
class TraceItem:
    """A trace with the sections of the span that is looked at first, None while they are not read."""

    detail: TraceDetail
    first: str | None
    sections: Sections | None


class TraceScreen(ItemScreen[TraceItem]):
    """The tree on the left (on top when narrow), the span under the cursor on the right."""

    AREA: ClassVar[Area] = "trace"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_for("app", "trace")]

    DEFAULT_CSS = """
    TraceScreen {
        #facts { height: 1; background: $surface; }
        #halves { height: 1fr; layout: vertical; }
        #tree { height: 2fr; }
        #span { height: 3fr; border-top: solid $panel; }
        #detail { height: 1fr; }
        &.-beside #halves { layout: horizontal; }
        &.-beside #tree { width: 11fr; height: 1fr; }
        &.-beside #span { width: 10fr; height: 1fr; border-top: none; border-left: solid $panel; }
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
        from_transcript: bool = False,
    ) -> None:
        super().__init__(context, target, cursor, annotate=annotate)
        self._wanted_span = span_id
        self._from_transcript = from_transcript
        self._detail: TraceDetail | None = None
        self._tree_hides = False
        self._searches_tree = True

    def compose_item(self) -> ComposeResult:
        """Facts of the trace, the tree, the span."""
        with Vertical():
            yield Bar(id="facts")
            with Container(id="halves"):
                yield SpanTree(id="tree")
                yield SpanDetail(
                    self.context,
                    hides_identity=lambda: self.panel.hides_identity,
                    neighbours=lambda: self.tree_pane.rows_near(NEAR_LINES),
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

    # Searching: the spans of the tree, or the detail while it has the focus.

    def begin_search(self) -> None:
        """Search where the focus is."""
        self._searches_tree = not self.in_detail
        if self._searches_tree:
            self.text_pane().search("")
            self.tree_pane.begin_search()
        else:
            self.tree_pane.search("")

    def searched_pane(self) -> SpanTree | TextView:
        """The tree, or the detail if the search began there."""
        return self.tree_pane if self._searches_tree else self.text_pane()

    def search_for(self, text: str) -> None:
        """Search, and say how many spans were found."""
        super().search_for(text)
        self._tell_spans()

    def _go_to_hit(self, step: int) -> None:
        super()._go_to_hit(step)
        self._tell_spans()

    def _tell_spans(self) -> None:
        if self._searches_tree:
            self.tell_search(self.tree_pane.search_sentence)

    # The item.

    def fetch_item(self, target: Target, token: CancelToken) -> TraceItem:
        """The trace, and the payload of its first span (or of the one that was asked for)."""
        item = self.look_at_item(target, token)
        first = self._first_span(item.detail)
        sections = (
            read_sections(self.context, [first], token)[item.first]
            if first is not None and item.first
            else {}
        )
        return TraceItem(item.detail, item.first, sections)

    def look_at_item(self, target: Target, token: CancelToken) -> TraceItem:
        """The trace without any payload: reading one may take as long as reading all of them."""
        detail = self.context.engine.trace(target.id, token)
        first = self._first_span(detail)
        return TraceItem(detail, str(first["span_id"]) if first else None, None)

    def _first_span(self, detail: TraceDetail) -> Row | None:
        """The span that was asked for, else the root that starts first."""
        wanted = next((span for span in detail.spans if span["span_id"] == self._wanted_span), None)
        known = {span["span_id"] for span in detail.spans}
        roots = [span for span in detail.spans if span.get("parent_id") not in known]
        return wanted or next(iter(roots), None) or next(iter(detail.spans), None)

    def show_item(self, item: TraceItem) -> None:
        """Put the trace on the screen."""
        self._detail = item.detail
        read = {item.first: item.sections} if item.first is not None and item.sections is not None else {}
        self.span_detail.begin(read)
        self._load_tree(item.first)
        self._wanted_span = None
        self._draw_facts()
        if not self.in_detail and not isinstance(self.focused, Input):
            self.tree_pane.focus()

    def show_missing(self, sentence: str) -> None:
        """Show why there is nothing to show, in the place of the trace before."""
        self._detail = None
        self.tree_pane.load(())
        self.query_one("#facts", Bar).say([])
        self.span_detail.clear()
        super().show_missing(sentence)

    # Title and facts.

    def title_parts(self) -> list[Part]:
        """The name of the trace and how it went."""
        trace = self._detail.trace if self._detail is not None else {}
        parts: list[Part] = [(" ", None), (one_line(trace.get("name")) or "trace", "title"), ("  ", None)]
        if trace:
            errors = trace.get("leaf_errors") or trace.get("errors") or 0
            failed = trace.get("status") == "error" or errors
            parts.append(
                (f"✗ error {errors}" if errors else "✗ error", "error") if failed else ("✓ ok", "good")
            )
        else:
            parts.append(("reading…", "dim"))
        if self._detail is not None and self._detail.maybe_incomplete:
            parts.append(("  may be incomplete: earlier spans are not read yet", "warning"))
        return parts

    def _draw_facts(self) -> None:
        detail = self._detail
        if detail is None:
            return
        trace = detail.trace
        blind = self.panel.hides_identity
        pairs = [
            ("", human.local_time(trace.get("start_ns"))),
            ("", human.duration(trace.get("duration_ms"))),
            ("tokens ", human.tokens(trace.get("input_tokens"), trace.get("output_tokens"))),
            ("", human.money(trace.get("cost_usd"))),
            ("version ", "" if blind else ", ".join(versions_of(trace))),
            ("trace ", one_line(trace.get("trace_id") or self.target.id)),
            ("thread ", one_line(trace.get("thread_id"))),
        ]
        line: list[Part] = [(" ", None)]
        for name, value in pairs:
            if value and value != human.ABSENT:
                line += [(name, "dim"), (value, None), ("  ", None)]
        self.query_one("#facts", Bar).say(line)

    # The span under the cursor.

    @on(SpanTree.Highlighted)
    def _on_highlighted(self, event: SpanTree.Highlighted) -> None:
        self.span_detail.show_span(event.row)

    def _hide_or_show(self) -> None:
        """What may be seen has changed: the names in the tree, the facts, the sections."""
        self._draw_facts()
        span = self.span_detail.span
        if self._tree_hides != self.panel.hides_identity and self._detail is not None:
            self._load_tree(str(span["span_id"]) if span is not None else None)
        self.span_detail.hide_or_show()

    def _load_tree(self, span_id: str | None) -> None:
        detail = self._detail
        if detail is None:
            return
        self._tree_hides = self.panel.hides_identity
        spans = [without_model(span) for span in detail.spans] if self._tree_hides else detail.spans
        self.tree_pane.load(spans, cursor_span=span_id, with_models=not self._tree_hides)
        if self._search_text:
            self._tell_spans()

    def action_section_next(self) -> None:
        """The next section of the span."""
        self.span_detail.step_section(1)

    def action_section_previous(self) -> None:
        """The previous section of the span."""
        self.span_detail.step_section(-1)

    @on(AnnotatePanel.BlindChanged)
    @on(AnnotatePanel.LabelsChanged)
    def _on_blind_changed(self) -> None:
        self._hide_or_show()

    # Keys.

    def action_open(self) -> None:
        """Go from the tree into the detail."""
        self.text_pane().focus()

    @on(SpanTree.Opened)
    def _on_span_opened(self) -> None:
        self.action_open()

    def action_back(self) -> None:
        """From the detail to the tree, from the tree back to where this was opened."""
        in_detail = self.in_detail and not self.has_class("-maximised", "-searching")
        if in_detail:
            self.tree_pane.focus()
        else:
            super().action_back()

    def action_fold(self) -> None:
        """Fold or unfold the branch, or the text under the cursor."""
        if self.in_detail:
            self.text_pane().toggle_fold()
        else:
            self.tree_pane.toggle_fold()

    def action_error_next(self) -> None:
        """The next error."""
        if not self.tree_pane.move_to_error(1):
            self.say("No error further down.")

    def action_error_previous(self) -> None:
        """The previous error."""
        if not self.tree_pane.move_to_error(-1):
            self.say("No error further up.")

    def action_transcript(self) -> None:
        """The transcript of this trace."""
        if self._from_transcript:
            self.leave(self.close)
            return
        span = self.span_detail.span
        span_id = span["span_id"] if span is not None else None
        screen = transcript_screen(
            self.context, self.target, self.cursor, annotate=self.panel.open, span_id=span_id
        )
        self.leave(lambda: self.replace_by(screen))

    def action_same_version(self) -> None:
        """All traces with the prompt version of the span under the cursor, else of the trace."""
        if self.panel.hides_identity:
            self.say("Blind: the prompt version is hidden.")
            return
        span = self.span_detail.span
        version = prompt_of(span) if span is not None else ""
        if not version and self._detail is not None:
            version = next(iter(versions_of(self._detail.trace)), "")
        if not version:
            self.say("This trace has no prompt version.")
            return
        self.app.call_later(show_version, self.app, version)

    def action_copy(self) -> None:
        """Copy the shown section in the detail, the span's id in the tree."""
        from traceview.tui.clipboard import copy

        if self.in_detail:
            self.say(copy(self.app, self.text_for_programs()[1], self.span_detail.section or "span"))
        elif self.span_detail.span is not None:
            self.say(copy(self.app, str(self.span_detail.span["span_id"]), "span id"))

    def text_for_programs(self) -> tuple[str, str]:
        """The shown section."""
        return self.span_detail.text_for_programs()

    def fetch_answer(self, token: CancelToken) -> str:
        """What the trace answered, as its root says it."""
        detail = self._detail
        if detail is None:
            return ""
        root = self._first_span(detail)
        payloads = self.context.engine.payloads([root], token) if root is not None else ()
        return (payloads[0].output_text or "") if payloads else ""

    def on_resize(self, event: events.Resize) -> None:
        """Side by side where there is room beside the annotate panel."""
        super().on_resize(event)
        self._arrange(event.size.width)

    def action_annotate(self) -> None:
        """Open the annotate panel, or close it."""
        super().action_annotate()
        self._arrange(self.size.width)

    def _arrange(self, width: int) -> None:
        beside_panel = self.panel.open and not self.has_class("-low")
        self.set_class(width - (38 if beside_panel else 0) >= SIDE_BY_SIDE, "-beside")


def without_model(span: Row) -> Row:
    """The row with the model's name taken out of the span's own, where many tools put it."""
    model, name = str(span.get("model") or ""), str(span.get("name") or "")
    return {**span, "name": name.replace(model, "…")} if model and model in name else span


def show_version(app: Any, version: str) -> None:
    """Go to the list of traces, filtered by a prompt version (`name@version`, or a version alone)."""
    from traceview.filters.printer import quote_value

    name, _, number = version.rpartition("@")
    text = f"prompt:{quote_value(name)}@{quote_value(number)}" if name else f"version:{quote_value(number)}"
    app.show_list("traces", lambda: app.lists["traces"].set_filter(text))
