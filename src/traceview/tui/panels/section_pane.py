"""The sections of one span: its payload is read once the cursor rests on it, those beside it ahead, and drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from msgspec import Struct
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input

from traceview.model.errors import TraceviewError
from traceview.model.labels import document_keys
from traceview.store.interface import TraceDetail
from traceview.text.facts import Fact
from traceview.tui.asking import Asking
from traceview.tui.context import AppContext
from traceview.tui.document_blocks import DocumentAt
from traceview.tui.panels.fact_walk import FactBar, FactWalk
from traceview.tui.span_blocks import first_section, one_line, span_facts
from traceview.tui.span_reading import Drawing, KeptSections, draw_section, read_sections
from traceview.tui.span_sections import Sections
from traceview.tui.trace_reading import TraceReading
from traceview.tui.widgets.blocks import Block
from traceview.tui.widgets.safe_input import SafeInput
from traceview.tui.widgets.section_bar import SectionBar
from traceview.tui.widgets.text_view import TextView

Row = dict[str, Any]

TELLING = ("Attributes", "Scores", "Raw")
"""Sections that tell the model, the version or what others said: a blind annotator does not see them."""
READ_PAUSE = 0.15
"""Seconds that reading may take before what the row says is shown alone."""
PAYLOAD_DELAY = 0.03
"""Seconds the cursor must rest on a span before its payload is read."""


class Here(Struct, frozen=True):
    """A place to come back to."""

    span_id: str
    section: str | None
    block: int


class SectionPane(Vertical, Asking):
    """The names of a span's sections over the text of one of them.

    `hides_identity` tells whether what names model and version is hidden now; `neighbours` gives the spans
    whose payloads are read ahead, with one question; `trace` the trace that the spans are of.
    """

    DEFAULT_CSS = """
    SectionPane {
        & > #keep { display: none; height: 1; border: none; padding: 0 1; background: $panel; }
        &.-keeping > #keep { display: block; }
    }
    """

    class Said(Message):
        """Something happened that a person should know."""

        def __init__(self, sentence: str) -> None:
            super().__init__()
            self.sentence = sentence

    def __init__(
        self,
        context: AppContext,
        *,
        hides_identity: Callable[[], bool],
        neighbours: Callable[[], Sequence[Row]],
        trace: Callable[[], TraceDetail | None] = lambda: None,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self.context = context
        self._hides_identity = hides_identity
        self._neighbours = neighbours
        self._trace = trace
        self._reading: TraceReading | None = None
        self._span: Row | None = None
        self._looked_at_one = False
        self._sections: Sections | None = None
        self._names: tuple[str, ...] = ()
        self._section: str | None = None
        self._chosen: dict[str, str] = {}
        """The section that the reader chose last for each kind of span."""
        self._asked_section: str | None = None
        self._kept = KeptSections()
        self._diffs = False
        self._sought: Fact | None = None
        """A fact that the next drawing goes to."""
        self._here_next: Here | None = None
        self._came_from: list[Here] = []
        self._document: str | None = None
        """The key of the document that is gone to once the documents of the span are there."""
        self._head = 0
        """Blocks before the section's own."""

    def compose(self) -> ComposeResult:
        """The names over the text, what is kept of it, and where a fact comes from."""
        yield SectionBar(id="sections")
        yield TextView(cursor=True, id="detail")
        yield FactBar(id="fact-bar")
        yield SafeInput(id="keep", placeholder="keep only lines with", compact=True)

    def on_mount(self) -> None:
        """Facts are walked through in the text."""
        self.walk = FactWalk(self.text_view, self.query_one(FactBar), self, self._said_by)

    @property
    def text_view(self) -> TextView:
        """Where the section is read."""
        return self.query_one("#detail", TextView)

    @property
    def span(self) -> Row | None:
        """The row of the span that is shown, None while none is."""
        return self._span

    @property
    def section(self) -> str | None:
        """The name of the section that is shown."""
        return self._section

    @property
    def reading(self) -> TraceReading | None:
        """The rest of the trace."""
        detail = self._trace()
        if detail is None:
            return None
        if self._reading is None or self._reading.spans is not detail.spans:
            self._reading = TraceReading(self.context.engine, detail.spans)
        return self._reading

    # Which span.

    def begin(self, kept: Mapping[str, Sections]) -> None:
        """Another trace is shown from now on; `kept` are the sections of its spans that were read already."""
        self.cancel_asked()
        self._kept.clear()
        self._kept.add(kept)
        self._reading = self._span = None
        self._came_from.clear()
        self._looked_at_one = False

    def clear(self) -> None:
        """There is no span to show."""
        self.cancel_asked()
        self._span, self._sections, self._names = None, None, ()
        self._kept.clear()
        self.query_one("#sections", SectionBar).set_sections(("not read",), None)

    def show_span(self, span: Row, section: str | None = None) -> None:
        """Show a span: at once what its row says, and its sections as soon as its payload was read.

        If it has the section that is asked for, it opens there; the reader's choice holds for the spans after it.
        """
        self._asked_section = section or (self._here_next.section if self._here_next is not None else None)
        if self._span is not None and span["span_id"] == self._span["span_id"]:
            if self._asked_section in self._names and (
                self._asked_section != self._section or self._sought is not None
            ):
                self._section = self._asked_section
                self._draw()
            return
        self._span = span
        self.cancel_asked("draw")
        self.walk.end()
        kept = self._kept.get(span["span_id"])
        if kept is not None:
            self.cancel_asked("payload")
            self._show_sections(span, kept)
            return
        self._sections, self._names = None, ()
        self.ask(
            "payload",
            partial(read_sections, self.context, [span]),
            partial(self._arrived, span),
            failed=partial(self._not_read, span),
            delay=PAYLOAD_DELAY if self._looked_at_one else 0.0,
        )
        if self._looked_at_one:
            # One picture, not two: the facts alone are shown only where reading takes its time.
            self.set_timer(READ_PAUSE, partial(self._show_facts, span))
        else:
            self._show_facts(span)
        self._looked_at_one = True

    def _show_facts(self, span: Row) -> None:
        """Show what the row says while the rest is being read."""
        if span is self._span and self._sections is None and self.is_asking("payload"):
            self.query_one("#sections", SectionBar).set_sections(("reading…",), None)
            self.text_view.load(span_facts(span, blind=self._hides_identity()))

    def _arrived(self, span: Row, found: dict[str, Sections]) -> None:
        self._kept.add(found)
        sections = found.get(str(span["span_id"]))
        if sections is not None and self._span is not None and self._span["span_id"] == span["span_id"]:
            self._show_sections(span, sections)
            self._read_neighbours()

    def _not_read(self, span: Row, error: TraceviewError) -> None:
        """The payload cannot be read: the row's facts stay, and why is said under them."""
        if self._span is not None and self._span["span_id"] == span["span_id"]:
            self.query_one("#sections", SectionBar).set_sections(("not read",), None)
            why = Block(f"✗ {one_line(error.message)}", "error", gap=1)
            hint = [Block(one_line(error.hint), "meta")] if error.hint else []
            self.text_view.load([*span_facts(span, blind=self._hides_identity()), why, *hint])

    def _read_neighbours(self) -> None:
        """Read the spans above and below ahead, so that the next key finds its payload."""
        near = [row for row in self._neighbours() if row["span_id"] not in self._kept]
        if near:
            fetch = partial(read_sections, self.context, near)
            self.ask("near", fetch, self._kept.add, failed=lambda error: None, delay=2 * PAYLOAD_DELAY)

    # Which section.

    def hide_or_show(self) -> None:
        """What may be seen has changed."""
        kept = self._kept.get(str(self._span["span_id"])) if self._span is not None else None
        if self._span is not None and kept is not None:
            self._show_sections(self._span, kept)

    def step_section(self, by: int) -> None:
        """Show the section so many further; behind the last one comes the first."""
        if self._names:
            here = self._names.index(self._section) if self._section in self._names else 0
            self._choose(self._names[(here + by) % len(self._names)])

    @on(SectionBar.Chosen)
    def _on_section_chosen(self, event: SectionBar.Chosen) -> None:
        self._choose(event.name)

    def _choose(self, name: str) -> None:
        if name in self._names and self._span is not None:
            self._section = self._chosen[str(self._span.get("kind"))] = name
            self._draw()

    def _show_sections(self, span: Row, sections: Sections) -> None:
        hidden = TELLING if self._hides_identity() else ()
        self._sections = sections
        self._names = tuple(name for name in sections.counts if name not in hidden)
        chosen = self._asked_section if self._asked_section in self._names else None
        self._section = first_section(span, self._names, chosen or self._chosen.get(str(span.get("kind"))))
        self._draw()

    # Drawing: blocks that were made are drawn at once, others are made in a worker.

    def _draw(self) -> None:
        sections, section = self._sections, self._section
        if self._span is None or sections is None:
            return
        self.walk.end()
        self.query_one("#sections", SectionBar).set_sections(self._names, section, sections.counts)
        if section is None:
            self._load(Drawing([Block("This span has no payload.", "meta", gap=1)]))
            return
        diffs = self._diffs and section == "Messages" and self._span.get("kind") == "llm"
        keep, sought = self._keep_text, self._sought
        made = sections.kept(section)
        if made is not None and not (diffs or keep or sought):
            self.cancel_asked("draw")
            self._load(Drawing(made))
            return
        draw = partial(draw_section, self.context, sections, section, self.reading, diffs, keep, sought)
        self.ask("draw", draw, self._load)

    def _load(self, drawing: Drawing) -> None:
        if self._span is None:
            return
        head = span_facts(self._span, blind=self._hides_identity())
        if drawing.said:
            head.append(Block(one_line(drawing.said), "note", gap=1))
        elif not drawing.blocks or not drawing.blocks[0].gap:
            head.append(Block("", "text"))
        self._head = len(head)
        here, self._here_next = self._here_next, None
        self._sought = None
        self.text_view.load([*head, *drawing.blocks])
        if drawing.spot is not None:
            index, start, end = drawing.spot
            self.text_view.show_spot(index + self._head, start, end)
        elif here is not None:
            self.text_view.go_to_block(here.block)
        self._go_to_document()

    # What is drawn of it.

    @property
    def _keep_text(self) -> str:
        return self.query_one("#keep", Input).value

    def _said_by(self, index: int) -> tuple[TraceReading, str] | None:
        reading = self.reading
        if reading is None or self._span is None or index < self._head:
            return None
        return reading, str(self._span["span_id"])

    def seek_document(self, key: str) -> None:
        """Go to a document of the span, now or once its documents are shown."""
        self._document = key
        self._go_to_document()

    def _go_to_document(self) -> None:
        sections = self._sections
        if self._document is None or self._span is None or sections is None or self._section != "Documents":
            return
        keys = document_keys(one.id for one in sections.payload.documents)
        if self._document in keys:
            wanted = DocumentAt(keys.index(self._document) + 1)
            view = self.text_view
            for index in range(view.block_count):
                if view.block(index).key == wanted:
                    view.go_to_block(index)
                    self._document = None
                    break
