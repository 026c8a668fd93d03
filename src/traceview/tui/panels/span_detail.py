"""One span section by section: its payload is read once the cursor rests on it, those beside it ahead."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical

from traceview.model.errors import TraceviewError
from traceview.model.labels import LabelRow, Target
from traceview.store.interface import CancelToken
from traceview.tui.asking import Asking
from traceview.tui.context import AppContext
from traceview.tui.span_blocks import Sections, first_section, one_line, span_facts, span_sections
from traceview.tui.widgets.blocks import Block
from traceview.tui.widgets.section_bar import SectionBar
from traceview.tui.widgets.text_view import TextView

Row = dict[str, Any]

SPANS_KEPT = 48
TELLING = ("Attributes", "Scores", "Raw")
"""Sections that tell the model, the version or what others said: a blind annotator does not see them."""
PAYLOAD_DELAY = 0.03
"""Seconds the cursor must rest on a span before its payload is read."""


class SpanDetail(Vertical, Asking):
    """The names of a span's sections over the text of one of them.

    `hides_identity` tells whether what names model and version is hidden now; `neighbours` gives the spans
    whose payloads are read ahead, with one question.
    """

    def __init__(
        self,
        context: AppContext,
        *,
        hides_identity: Callable[[], bool],
        neighbours: Callable[[], Sequence[Row]],
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self.context = context
        self._hides_identity = hides_identity
        self._neighbours = neighbours
        self._span: Row | None = None
        self._looked_at_one = False
        self._sections: Sections = {}
        self._section: str | None = None
        self._chosen_section: str | None = None
        self._asked_section: str | None = None
        self._kept: OrderedDict[str, Sections] = OrderedDict()

    def compose(self) -> ComposeResult:
        """The names over the text."""
        yield SectionBar(id="sections")
        yield TextView(id="detail")

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

    # Which span.

    def begin(self, kept: Mapping[str, Sections]) -> None:
        """Another trace is shown from now on; `kept` are the sections of its spans that were read already."""
        self._kept.clear()
        self._kept.update(kept)
        self._span = None
        self._looked_at_one = False

    def clear(self) -> None:
        """There is no span to show."""
        self._span, self._sections = None, {}
        self._kept.clear()
        self.query_one("#sections", SectionBar).set_sections(("not read",), None)

    def show_span(self, span: Row, section: str | None = None) -> None:
        """Show a span: at once what its row says, and its sections as soon as its payload was read.

        If it has the section that is asked for, it opens there; the reader's choice holds for the spans after it.
        """
        self._asked_section = section
        if self._span is not None and span["span_id"] == self._span["span_id"]:
            if section in self._sections and section != self._section:
                self._section = section
                self._draw()
            return
        self._span = span
        kept = self._kept.get(span["span_id"])
        if kept is not None:
            self.cancel_asked("payload")
            self._show_sections(span, kept)
            return
        self._sections = {}
        self.query_one("#sections", SectionBar).set_sections(("reading…",), None)
        self.text_view.load(span_facts(span, blind=self._hides_identity()))
        self.ask(
            "payload",
            partial(read_sections, self.context, [span]),
            partial(self._arrived, span),
            failed=partial(self._not_read, span),
            delay=PAYLOAD_DELAY if self._looked_at_one else 0.0,
        )
        self._looked_at_one = True

    def _arrived(self, span: Row, found: dict[str, Sections]) -> None:
        sections = found.get(str(span["span_id"]), {})
        self._kept[str(span["span_id"])] = sections
        while len(self._kept) > SPANS_KEPT:
            self._kept.popitem(last=False)
        if self._span is not None and self._span["span_id"] == span["span_id"]:
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
            self.ask("near", fetch, self._kept.update, failed=lambda error: None, delay=2 * PAYLOAD_DELAY)

    # Which section.

    def hide_or_show(self) -> None:
        """What may be seen has changed."""
        kept = self._kept.get(str(self._span["span_id"])) if self._span is not None else None
        if self._span is not None and kept is not None:
            self._show_sections(self._span, kept)

    def step_section(self, by: int) -> None:
        """Show the section so many further; behind the last one comes the first."""
        names = list(self._sections)
        if names:
            here = names.index(self._section) if self._section in names else 0
            self._choose(names[(here + by) % len(names)])

    @on(SectionBar.Chosen)
    def _on_section_chosen(self, event: SectionBar.Chosen) -> None:
        self._choose(event.name)

    def _choose(self, name: str) -> None:
        if name in self._sections:
            self._section = self._chosen_section = name
            self._asked_section = None
            self._draw()

    def _show_sections(self, span: Row, sections: Sections) -> None:
        if self._hides_identity():
            sections = {name: blocks for name, blocks in sections.items() if name not in TELLING}
        self._sections = sections
        self._section = first_section(span, sections, self._wanted_section(sections))
        self._draw()

    def _wanted_section(self, sections: Sections) -> str | None:
        return self._asked_section if self._asked_section in sections else self._chosen_section

    def _draw(self) -> None:
        if self._span is None:
            return
        self.query_one("#sections", SectionBar).set_sections(list(self._sections), self._section)
        facts = span_facts(self._span, blind=self._hides_identity())
        body = self._sections.get(self._section or "", [])
        if not body:
            body = [Block("This span has no payload.", "meta", gap=1)]
        self.text_view.load([*facts, Block("", "text"), *body])

    def text_for_programs(self) -> tuple[str, str]:
        """A file name and the text of the shown section; the span's row while there is none."""
        blocks = self._sections.get(self._section or "", [])
        name = (self._section or "span").lower()
        suffix = "json" if blocks and all(block.style == "json" for block in blocks) else "txt"
        if not blocks and self._span is not None:
            return "span.json", json.dumps(self._span, ensure_ascii=False, indent=2, default=str)
        return f"{name}.{suffix}", "\n".join(block.text for block in blocks)


def read_sections(context: AppContext, spans: Sequence[Row], token: CancelToken) -> dict[str, Sections]:
    """The sections of spans by their ids, with one question for all payloads; called in a worker."""
    payloads = context.engine.payloads(spans, token)
    return {
        str(span["span_id"]): span_sections(span, payload, _labels_on(context, span))
        for span, payload in zip(spans, payloads, strict=False)
    }


def _labels_on(context: AppContext, span: Row) -> tuple[LabelRow, ...]:
    annotator = context.annotator
    if annotator is None:
        return ()
    return annotator.current(Target("span", str(span["span_id"]), str(span["trace_id"])))
