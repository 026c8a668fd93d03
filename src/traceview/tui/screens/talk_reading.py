"""A conversation as it comes on the screen: the first traces at once, then the rest, and where the reader stands."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from textual import on
from textual.widgets import Input

from traceview.model.labels import Target
from traceview.store.interface import CancelToken
from traceview.tui.context import AppContext
from traceview.tui.conversation import Conversation
from traceview.tui.cursor import ListCursor
from traceview.tui.panels.annotate import AnnotatePanel
from traceview.tui.screens.talk_facts import TalkFacts
from traceview.tui.turn_blocks import TurnKey
from traceview.tui.widgets.text_view import TextView

Row = dict[str, Any]

FIRST_TRACES = 6
"""Traces read before a thread is shown; then twice as many each time."""
MOST_TURNS = 50
"""Turns over which a thread that was left is not kept ready."""


class TalkReading(TalkFacts[Conversation]):
    """Reads a conversation and keeps it drawn as it may be seen; `TranscriptScreen` adds what is seen and the keys."""

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
        self._left_at: TurnKey | None = None
        self._as_written = False
        self._talk: Conversation | None = None

    def text_pane(self) -> TextView:
        """What was said."""
        return self.query_one("#talk", TextView)

    @abstractmethod
    def _draw_facts(self) -> None:
        """Show what stands over the conversation."""

    def fetch_item(self, target: Target, token: CancelToken) -> Conversation:
        """The thread's row and its first traces."""
        engine = self.context.engine
        if target.kind == "thread":
            detail = engine.thread(target.id, token)
            talk = Conversation(detail.thread, detail.traces, blind=self.blind, as_written=self._as_written)
            talk.read_more(engine, FIRST_TRACES, token)
        else:
            trace = engine.trace(target.id, token, self.starts.get(target.id))
            talk = Conversation(trace.trace, (trace.trace,), blind=self.blind, as_written=self._as_written)
            talk.tell(engine, (trace,), token)
        return talk

    def row_of(self, item: Conversation) -> Row:
        """The row of its thread or trace."""
        return item.row

    def show_item(self, item: Conversation) -> None:
        """Put the conversation on the screen and read the rest of it."""
        self._talk = item
        self._left_at = self.context.reading_places.get(self.target)
        hides, first_bad = self.panel.hides_identity, self.panel.first_bad
        if (hides and not item.blind) or first_bad != item.first_bad:
            # Before anything is painted: a blind annotator sees no model for a moment.
            item.first_bad = first_bad
            item.lay_out(hides, item.as_written)
        view = self.text_pane()
        view.load(item.blocks)
        if not isinstance(self.focused, Input):
            view.focus()
        self._go_to_wanted()
        if self._begins_with_search:
            self._begins_with_search = False
            view.search(self._search_text)
        self._draw_facts()
        self._follow_looks()
        self._read_on()

    def _read_on(self) -> None:
        talk = self._talk
        if talk is None or talk.complete:
            return

        def read(token: CancelToken) -> Conversation:
            talk.read_more(self.context.engine, max(FIRST_TRACES, len(talk.read)), token)
            return talk

        self.ask("more", read, self._more_arrived)

    def _more_arrived(self, talk: Conversation) -> None:
        if talk is not self._talk:
            return
        view = self.text_pane()
        view.replace(talk.same, view.block_count, talk.blocks[talk.same :])
        self._go_to_wanted()
        self._draw_facts()
        self._follow_looks()
        self._read_on()

    def _follow_looks(self) -> None:
        """Make the blocks again, in a worker, if what may be seen or how answers are shown has changed."""
        talk, blind, as_written = self._talk, self.panel.hides_identity, self._as_written
        first_bad = self.panel.first_bad
        wanted = (blind, as_written, first_bad)
        if talk is None or (talk.blind, talk.as_written, talk.first_bad) == wanted or self.is_asking("more"):
            return

        def lay_out(token: CancelToken) -> Conversation:
            talk.first_bad = first_bad
            talk.lay_out(blind, as_written)
            return talk

        # Reading on waits for it, since both make the blocks.
        self.ask("more", lay_out, self._looks_arrived)

    def _looks_arrived(self, talk: Conversation) -> None:
        if talk is not self._talk:
            return
        view = self.text_pane()
        here = view.current
        view.load(talk.blocks)
        if here is not None and isinstance(here.key, TurnKey):
            self._go_to(here.key)
        self._draw_facts()
        self._follow_looks()
        self._read_on()

    def _go_to_wanted(self) -> None:
        """Go to the span that was asked for once it was read, else to where this was left."""
        talk, wanted, left = self._talk, self._wanted_span, self._left_at
        if talk is None:
            return
        if wanted is None:
            if left is not None:
                if self._go_to(left) or talk.complete:
                    self._left_at = None
            elif self.target.kind == "trace":
                self._go_to_answer(talk)
            return
        if left is not None and left.span_id == wanted and self._go_to(left):
            self._wanted_span = self._left_at = None
            return
        told = talk.first_span(wanted)
        if told is None and not talk.complete:
            return
        self._wanted_span = self._left_at = None
        self._show_block(talk.block_of("span", told))

    def _go_to(self, key: TurnKey) -> bool:
        """Go to the block of a key, or of the same text; False if it is not there."""
        return self._talk is not None and self._show_block(self._talk.block_of("key", key))

    def _show_block(self, index: int | None) -> bool:
        if index is not None:
            self.text_pane().go_to_block(index)
        return index is not None

    def _keep_place(self) -> None:
        """Remember where the reader stands, for the next look at the same item."""
        block = self.text_pane().current
        if block is not None and isinstance(block.key, TurnKey):
            self.context.reading_places[self.target] = block.key

    def open_target(self, target: Target) -> None:
        """Show another item; where this one was left is remembered."""
        if self._talk is not None and target != self.target:
            self._keep_place()
            # One that is still being read, or is long to lay out, is read again on the way back.
            if self.is_asking("more") or self._talk.turns > MOST_TURNS:
                self.ahead.drop(self.target)
        super().open_target(target)

    def leave(self, then: Callable[[], object]) -> None:
        """Leave, and remember where the reader stood."""
        if self._talk is not None:
            self._keep_place()
        super().leave(then)

    def _go_to_answer(self, talk: Conversation) -> None:
        """Show the trace's own turn, the last one: what comes before it is the history that it repeats."""
        found = talk.last_turn
        if found is not None:
            self.text_pane().show_answer(*found)

    @on(AnnotatePanel.BlindChanged)
    @on(AnnotatePanel.LabelsChanged)
    def _on_blind_changed(self) -> None:
        self._follow_looks()
