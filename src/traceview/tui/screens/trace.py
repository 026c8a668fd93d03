"""One trace: its spans as a tree with a waterfall, and the span under the cursor section by section."""

from __future__ import annotations

from typing import Any, ClassVar

from textual import events, on
from textual.binding import BindingType
from textual.widgets import Input

from traceview.model.labels import Target
from traceview.store.interface import CancelToken
from traceview.text import human
from traceview.tui.actions import Area, bindings_for
from traceview.tui.context import AppContext
from traceview.tui.copying import Copies
from traceview.tui.cursor import ListCursor
from traceview.tui.panels.annotate import AnnotatePanel
from traceview.tui.rows import status_words
from traceview.tui.screens.detail_keys import DetailKeys
from traceview.tui.screens.routes import Landing, transcript_screen
from traceview.tui.screens.trace_panes import TraceItem
from traceview.tui.span_blocks import one_line, prompt_of, versions_of, versions_told
from traceview.tui.widgets.lines import Bar, Part
from traceview.tui.widgets.span_facts import SpanFacts
from traceview.tui.widgets.span_tree import SpanTree

Row = dict[str, Any]

WHOLE_IDS = 160
"""Columns of the terminal from which the ids of a trace stand whole among its facts."""
ID_CELLS = 8
"""Characters of an id where there is less room."""


class TraceScreen(DetailKeys):
    """The tree on the left (on top when narrow), the span under the cursor on the right."""

    AREA: ClassVar[Area] = "trace"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_for("app", "trace")]

    def __init__(
        self,
        context: AppContext,
        target: Target,
        cursor: ListCursor | None,
        *,
        annotate: bool = False,
        span_id: str | None = None,
        from_transcript: bool = False,
        replaces_transcript: bool = False,
        at: Landing | None = None,
    ) -> None:
        super().__init__(context, target, cursor, annotate=annotate, span_id=span_id)
        self._from_transcript = from_transcript
        self._replaces_transcript = replaces_transcript
        self._opens_documents = at == "documents"
        self._opens_error = at == "error"
        self._tree_hides = False

    def show_item(self, item: TraceItem) -> None:
        """Put the trace on the screen."""
        self._detail, self._item_facts = item.detail, item.facts
        landing, first = self._opens_documents, item.first
        read = {first: item.sections} if first is not None and item.sections is not None else {}
        asked = self.labelled if self.labelled.kind == "span" else None
        if asked is not None and item.facts.position_of(asked.span_id or "") is not None:
            first = asked.span_id
        self._opens_documents = landing or (asked is not None and asked.document is not None)
        self.span_detail.begin(read)
        self.cancel_asked("documents")
        self._load_tree(first)
        # In the same frame as the tree: the cursor's message comes after it.
        self.draw_path()
        self.show_first_bad(self.panel.first_bad)
        self._wanted_span = None
        self.begin_detail()
        self._draw_facts()
        self.draw_warnings()
        if not self.in_detail and not isinstance(self.focused, Input):
            (self.tree_pane if asked is None else self.text_pane()).focus()
        if asked is not None and asked.document is not None:
            self.span_detail.seek_document(asked.document)
        self.find_same()
        self.find_path()
        if landing:
            self.action_documents_next()
        elif self._opens_error:
            self._opens_error = False
            self.show_first_error()

    def show_missing(self, sentence: str) -> None:
        """Show why there is nothing to show, in the place of the trace before."""
        self._detail, self._item_facts = None, SpanFacts(())
        self.tree_pane.load(self._item_facts)
        for name in ("#facts", "#path"):
            self.query_one(name, Bar).say([])
        self.draw_warnings()
        self.span_detail.clear()
        super().show_missing(sentence)

    # Title and facts.

    def title_parts(self) -> list[Part]:
        """The name of the trace and how it went."""
        trace = self._detail.trace if self._detail is not None else {}
        parts: list[Part] = [(" ", None), (one_line(trace.get("name")) or "trace", "title"), ("  ", None)]
        if trace:
            parts.append(status_words(trace))
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
            ("", human.money(trace.get("cost_usd"), unknown=trace.get("uncosted"))),
            ("unsourced ", str(self._unsourced) if self._unsourced else ""),
            ("version ", "" if blind else ", ".join(versions_told(trace))),
        ]
        # Ids stand last, and short where there is little room: copying gives them whole.
        short = self.app.size.width < WHOLE_IDS
        for name, value in (
            ("trace ", trace.get("trace_id") or self.target.id),
            ("thread ", trace.get("thread_id")),
        ):
            whole = one_line(value)
            pairs.append((name, f"{whole[:ID_CELLS]}…" if short and len(whole) > ID_CELLS + 1 else whole))
        facts: list[list[Part]] = []
        for name, value in pairs:
            if value and value != human.ABSENT:
                part = "warning" if name == "unsourced " else None
                facts.append([(name, part or "dim"), (value, part)])
        self.query_one("#facts", Bar).say_facts(facts)

    def on_resize(self, event: events.Resize) -> None:
        """Ids stand whole where they have room."""
        super().on_resize(event)
        self._draw_facts()

    def unsourced_counted(self) -> None:
        """Say it among the facts."""
        self._draw_facts()

    # What may be seen.

    def _hide_or_show(self) -> None:
        """What may be seen has changed: the names in the tree, the facts, the sections."""
        self._draw_facts()
        if self._tree_hides != self.panel.hides_identity and self._detail is not None:
            row = self.tree_pane.row
            self._load_tree(str(row["span_id"]) if row is not None else None)
        self.span_detail.hide_or_show()

    def _load_tree(self, span_id: str | None) -> None:
        self._tree_hides = self.panel.hides_identity
        self._follow_at_once = True
        self.tree_pane.load(self._item_facts, cursor_span=span_id, with_models=not self._tree_hides)
        self.search_again()

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
        """Go from the tree into the detail; in it, where the line under the cursor leads."""
        self.follow()
        if self.in_detail:
            self.span_detail.open_here()
        self.text_pane().focus()

    @on(SpanTree.Opened)
    def _on_span_opened(self) -> None:
        self.action_open()

    def action_back(self) -> None:
        """From the detail to the tree, from the tree back to where this was opened."""
        if not self.is_searching and self.span_detail.back():
            return
        if self.is_searching or self.has_class("-maximised"):
            super().action_back()
        elif self.in_detail:
            self.tree_pane.focus()
        elif self._replaces_transcript:
            # Without a span it opens where it was left.
            screen = transcript_screen(self.context, self.target, self.cursor, annotate=self.panel.open)
            self.leave(lambda: self.replace_by(screen))
        else:
            super().action_back()

    def action_fold(self) -> None:
        """Fold or unfold the branch, or the text under the cursor."""
        if self.in_detail:
            self.span_detail.fold()
        else:
            self.tree_pane.toggle_fold()

    def action_transcript(self) -> None:
        """The transcript of this trace."""
        if self._from_transcript:
            self.leave(self.close)
            return
        span = self.tree_pane.row
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
        span = self.tree_pane.row
        version = prompt_of(span) if span is not None else ""
        if not version and self._detail is not None:
            version = next(iter(versions_of(self._detail.trace)), "")
        if not version:
            self.say("This trace has no prompt version.")
            return
        self.app.call_later(show_version, self.app, version)

    def copies(self) -> Copies | None:
        """The span: its own command line in the detail, the trace's in the tree."""
        row = self.tree_pane.row
        if row is None:
            return None
        span_id = str(row["span_id"])
        shown = span_id if self.in_detail else self.target.id
        return Copies(
            id=span_id,
            what="span",
            text=self.text_for_programs()[1] or None,
            text_name=(self.span_detail.section or "text").lower(),
            row=row,
            command=self.context.invocation.show(shown),
        )

    def text_for_programs(self) -> tuple[str, str]:
        """The shown section."""
        self.follow()
        return self.span_detail.text_for_programs()

    def first_bad_here(self) -> str | int | None:
        """The span under the cursor of the tree."""
        row = self.tree_pane.row
        return None if row is None else str(row["span_id"])

    def go_to_first_bad(self, place: str | int) -> bool:
        """Go to its row in the tree; turns have none."""
        at = self.tree_pane.facts.position_of(place) if isinstance(place, str) else None
        if at is not None:
            self.tree_pane.go_to_position(at)
        return at is not None

    def show_first_bad(self, place: str | int | None) -> None:
        """Mark its row in the tree."""
        self.tree_pane.mark_first_bad(place if isinstance(place, str) else None)

    def fetch_answer(self, token: CancelToken) -> str:
        """What the trace answered, as its root says it; of a span that is labelled what it put out itself."""
        root = self.first_span(self._item_facts)
        at = self._item_facts.position_of(self.labelled.span_id or "")
        if at is not None:
            root = self._item_facts.row(at)
        payloads = self.context.engine.payloads([root], token) if root is not None else ()
        return (payloads[0].output_text or "") if payloads else ""


def show_version(app: Any, version: str) -> None:
    """Go to the list of traces, filtered by a prompt version (`name@version`, or a version alone)."""
    from traceview.filters.printer import quote_value

    name, _, number = version.rpartition("@")
    text = f"prompt:{quote_value(name)}@{quote_value(number)}" if name else f"version:{quote_value(number)}"
    app.show_list("traces", lambda: app.lists["traces"].narrow(text))
