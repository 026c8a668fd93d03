"""One span section by section: where a reader goes from a line, and back, and what of the text is shown."""

from __future__ import annotations

import json

from textual import on
from textual.message import Message
from textual.widgets import Input

from traceview.store.interface import CancelToken
from traceview.text.facts import Fact
from traceview.tui.panels.section_pane import Here, SectionPane
from traceview.tui.span_blocks import GoTo
from traceview.tui.span_reading import section_of
from traceview.tui.span_sections import ReadRest
from traceview.tui.widgets.blocks import Block, foreign


class SpanDetail(SectionPane):
    """The sections of a span with the keys that read them: facts to their origin, links, lines that hold a text."""

    class Wanted(Message):
        """Another span of the trace is to be shown."""

        def __init__(self, span_id: str) -> None:
            super().__init__()
            self.span_id = span_id

    class Linked(Message):
        """A span of another trace is to be shown."""

        def __init__(self, trace_id: str, span_id: str) -> None:
            super().__init__()
            self.trace_id = trace_id
            self.span_id = span_id

    # What is under the cursor.

    def open_here(self) -> None:
        """Go where the fact under the walk came from, or where the line leads, or unfold it."""
        if self.walk.active:
            source = self.walk.source
            spot = self.text_view.fact
            if source is None or source.origin is None or spot is None:
                return
            self._go(source.origin.span_id, section_of(source.origin.field), spot.fact)
            return
        block = self.text_view.current
        if block is not None and isinstance(block.key, GoTo) and block.key.trace_id is not None:
            self.post_message(self.Linked(block.key.trace_id, block.key.span_id))
        elif block is not None and isinstance(block.key, GoTo):
            self._go(block.key.span_id, block.key.section, None)
        else:
            self.fold()

    def _go(self, span_id: str, section: str | None, fact: Fact | None) -> None:
        if self._span is not None:
            here = Here(str(self._span["span_id"]), self._section, self.text_view.block_index or 0)
            self._came_from.append(here)
        self.walk.end()
        self._sought = fact
        self._here_next = Here(span_id, section, 0) if section is not None else None
        self._want(span_id)
        self.post_message(self.Said("Esc goes back to where you were."))

    def seek(self, section: str, fact: Fact) -> None:
        """Open the next span at a section and show a fact in it."""
        self._sought = fact
        self._here_next = Here("", section, 0)

    def _want(self, span_id: str) -> None:
        if self._span is not None and span_id == self._span["span_id"]:
            self.show_span(self._span)
        else:
            self.post_message(self.Wanted(span_id))

    def back(self) -> bool:
        """Leave the field, the walk, or the place one was sent to; False if there is nothing to leave."""
        if self.query_one("#keep", Input).has_focus:
            self.leave_keep()
            return True
        if not self.text_view.has_focus:
            return False
        if self.walk.active:
            return self.walk.end()
        if self._came_from:
            self._here_next = here = self._came_from.pop()
            self._want(here.span_id)
            if (
                self._here_next is not None
                and self._span is not None
                and here.span_id == self._span["span_id"]
            ):
                self._draw()
            return True
        if self._keep_text:
            self.query_one("#keep", Input).value = ""
            self.leave_keep()
            return True
        return False

    def fold(self) -> None:
        """Fold or unfold what the cursor is in; read the rest of a text where a line offers it."""
        view = self.text_view
        block, index = view.current, view.block_index
        if block is not None and index is not None and isinstance(block.key, ReadRest):
            self._read_rest(block.key, index)
        else:
            view.toggle_fold()

    def _read_rest(self, rest: ReadRest, index: int) -> None:
        sections, engine = self._sections, self.context.engine
        if sections is None or self.is_asking("rest"):
            return

        def read(token: CancelToken) -> str:
            return foreign((engine.whole_text(sections.row, rest.column, token) or "")[rest.shown :])

        def show(text: str) -> None:
            now = self.text_view.block(index) if index < self.text_view.block_count else None
            if now is not None and now.key == rest:
                self.text_view.replace(index, index + 1, [Block(text, "text")])

        self.post_message(self.Said("Reading the rest…"))
        self.ask("rest", read, show)

    # Where a fact comes from.

    def next_fact(self) -> None:
        """Go to the next fact of the text, and say where it comes from; at first the first one of the answer."""
        view = self.text_view
        if not self.walk.active and self._section == "Messages" and not view.block_index:
            blocks = range(self._head, view.block_count)
            answer = next((at for at in blocks if view.block(at).style == "divider"), None)
            if answer is not None:
                view.go_to_block(answer)
        sentence = self.walk.step(self._head)
        if sentence is not None:
            self.post_message(self.Said(sentence))

    # The messages against those of the call before; lines that hold a text.

    def toggle_diff(self) -> None:
        """Show what the messages of a model call have that the call before had not, or the messages again."""
        reading = self._sections is None
        is_call = self._span is not None and self._span.get("kind") == "llm"
        if not is_call or not (reading or "Messages" in self._names):
            self.post_message(self.Said("No model call: there are no messages to compare."))
            return
        if self._section == "Messages" or not self._diffs:
            self._diffs = not self._diffs
        # While the payload is still being read, it is drawn so once it is there.
        self._section = self._asked_section = "Messages"
        self._draw()

    def keep_lines(self) -> None:
        """Open the field for the text of which only lines are kept."""
        self.add_class("-keeping")
        self.screen.set_focus(self.query_one("#keep", Input))

    @on(Input.Changed, "#keep")
    def _on_keep_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._draw()

    @on(Input.Submitted, "#keep")
    def _on_keep_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.leave_keep()

    def leave_keep(self) -> None:
        """Leave the field; what it says holds until it is empty."""
        self.set_class(bool(self._keep_text), "-keeping")
        self.text_view.focus()

    def text_for_programs(self) -> tuple[str, str]:
        """A file name and the text of the shown section; the span's row while there is none."""
        if self._sections is None or self._section is None:
            return "span.json", json.dumps(self._span, ensure_ascii=False, indent=2, default=str)
        suffix, text = self._sections.text(self._section)
        return f"{self._section.lower()}.{suffix}", text
