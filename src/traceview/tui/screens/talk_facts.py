"""Where the facts of a conversation came from: the walk through them, and the way to their spans."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, TypeVar

from traceview.model.labels import Target
from traceview.text.facts import Fact
from traceview.tui.panels.fact_walk import FactBar, FactWalk
from traceview.tui.screens.item import ItemScreen
from traceview.tui.screens.routes import tree_screen
from traceview.tui.span_reading import section_of
from traceview.tui.trace_reading import TraceReading

Row = dict[str, Any]
Item = TypeVar("Item")


class TalkFacts(ItemScreen[Item]):
    """A conversation of one trace or more; a subclass composes a FactBar under its text."""

    _walk_of_facts: FactWalk | None = None

    @abstractmethod
    def spans_of(self, trace_id: str) -> Sequence[Row] | None:
        """The spans of a trace of the conversation, None while they are not read."""

    @property
    def facts_walk(self) -> FactWalk:
        """The walk through the facts of the text."""
        if self._walk_of_facts is None:
            self._readings: dict[str, TraceReading] = {}
            bar = self.query_one(FactBar)
            self._walk_of_facts = FactWalk(self.text_pane(), bar, self, self._fact_said_by)
        return self._walk_of_facts

    def action_origin(self) -> None:
        """Where the next fact of the text comes from."""
        sentence = self.facts_walk.step()
        if sentence is not None:
            self.say(sentence)

    def end_facts(self) -> bool:
        """Leave the walk; False if there was none."""
        return self.facts_walk.active and self.facts_walk.end()

    def open_origin(self) -> bool:
        """Open the trace where the fact under the walk first appeared; False while none is walked to."""
        walk, spot = self.facts_walk, self.text_pane().fact
        if not walk.active or spot is None:
            return False
        said, source = self._fact_said_by(spot.index), walk.source
        if said is not None and source is not None and source.origin is not None:
            trace_id = str(said[0].spans[0]["trace_id"])
            self._open_at(trace_id, source.origin.span_id, section_of(source.origin.field), spot.fact)
        return True

    def _open_at(self, trace_id: str, span_id: str, section: str, fact: Fact) -> None:
        target = Target("trace", trace_id, trace_id)
        screen = tree_screen(self.context, target, None, span_id=span_id, from_transcript=True)
        screen.opens_at = (section, fact)  # type: ignore[attr-defined]
        self.app.push_screen(screen)

    def _fact_said_by(self, index: int) -> tuple[TraceReading, str] | None:
        """The trace and the span of a block, as its key or that of the block before it says."""
        view = self.text_pane()
        for at in range(index, max(-1, index - 200), -1):
            key = view.block(at).key
            trace_id, span_id = getattr(key, "trace_id", None), getattr(key, "span_id", None)
            if trace_id is not None and span_id is not None:
                break
        else:
            return None
        spans = self.spans_of(trace_id)
        if spans is None:
            return None
        reading = self._readings.get(trace_id)
        if reading is None or reading.spans is not spans:
            reading = self._readings[trace_id] = TraceReading(self.context.engine, spans)
        return reading, span_id
