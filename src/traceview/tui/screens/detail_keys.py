"""The keys of a span's detail: where a fact came from, what changed since the call before, only some lines."""

from __future__ import annotations

from textual import on

from traceview.model.errors import TraceviewError
from traceview.model.labels import Target
from traceview.store.interface import CancelToken
from traceview.text.facts import Fact
from traceview.tui.panels.span_detail import SpanDetail
from traceview.tui.screens.routes import tree_screen
from traceview.tui.screens.trace_jumps import TraceJumps

UNSOURCED_DELAY = 0.6
"""Seconds that a trace must be looked at before the sources of its answer are looked for."""
UNSOURCED_SPANS = 500
"""Spans up to which that is done for every trace that is opened; of larger ones once a fact is asked about."""


class DetailKeys(TraceJumps):
    """A trace whose detail is read in; the tree follows where it leads."""

    opens_at: tuple[str, Fact] | None = None
    """The section, and the fact in it, at which the first span is opened."""
    _unsourced: int | None = None

    def action_origin(self) -> None:
        """Where the next fact of the text comes from."""
        self.follow()
        if not self.in_detail:
            self.text_pane().focus()
        self.span_detail.next_fact()

    def action_message_diff(self) -> None:
        """The messages against those of the call before, or as they are."""
        self.follow()
        self.span_detail.toggle_diff()

    def action_keep(self) -> None:
        """Keep only the lines of the section that hold a text."""
        self.follow()
        self.span_detail.keep_lines()

    def action_fold_all(self) -> None:
        """Fold the text, or the tree below its first two levels."""
        if self.in_detail:
            self.text_pane().fold_all(True)
        else:
            super().action_fold_all()

    def action_unfold_all(self) -> None:
        """Unfold the text, or the tree."""
        if self.in_detail:
            self.text_pane().fold_all(False)
        else:
            super().action_unfold_all()

    @on(SpanDetail.Wanted)
    def _on_span_wanted(self, event: SpanDetail.Wanted) -> None:
        """The tree goes to a span that the detail leads to, and the detail opens it at once."""
        if self.tree_pane.go_to_span(event.span_id):
            self.follow()
        else:
            self.say("That span is not in the tree.")

    @on(SpanDetail.Linked)
    def _on_linked(self, event: SpanDetail.Linked) -> None:
        """The trace that a link leads to stands over this one; Esc leads back."""
        target = Target("trace", event.trace_id, event.trace_id)
        self.app.push_screen(tree_screen(self.context, target, None, span_id=event.span_id or None))

    @on(SpanDetail.Said)
    def _on_detail_said(self, event: SpanDetail.Said) -> None:
        self.say(event.sentence)

    def begin_detail(self) -> None:
        """Another trace is shown: open it where it was asked for, and find out what comes from nowhere."""
        opens_at, self.opens_at = self.opens_at, None
        if opens_at is not None:
            self.span_detail.seek(*opens_at)
            self.text_pane().focus()
        self.count_unsourced()

    # What nothing before the answer contains.

    def count_unsourced(self) -> None:
        """Find out how many facts of the answer come from nowhere, unless the row says it already."""
        detail, reading = self._detail, self.span_detail.reading
        known = detail.trace.get("unsourced") if detail is not None else None
        self._unsourced = known if isinstance(known, int) else None
        self.cancel_asked("unsourced")
        if reading is None or self._unsourced is not None or len(reading.spans) > UNSOURCED_SPANS:
            return

        def count(token: CancelToken) -> int:
            return reading.unsourced(token)

        self.ask("unsourced", count, self._counted, failed=self._not_counted, delay=UNSOURCED_DELAY)

    def _counted(self, count: int) -> None:
        self._unsourced = count
        self.unsourced_counted()

    def _not_counted(self, error: TraceviewError) -> None:
        """What cannot be read is said where it is looked at; the head says nothing of sources then."""
        self._unsourced = None

    def unsourced_counted(self) -> None:
        """The number is known now."""
