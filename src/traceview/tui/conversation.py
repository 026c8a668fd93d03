"""A thread or a trace as a conversation, as far as it was read: what was said, and the blocks that show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any, Literal

from msgspec.structs import replace

from traceview.store.interface import CancelToken, Engine, TraceDetail
from traceview.store.transcript import Transcript
from traceview.store.turns import Turn
from traceview.text import human
from traceview.text.binary import text_without_binary
from traceview.text.markdown import Piece, styled
from traceview.tui.trace_reading import SOURCE_LIMIT
from traceview.tui.turn_blocks import TurnBlocks, TurnKey, with_first_bad
from traceview.tui.widgets.blocks import Block, foreign

Row = dict[str, Any]

SPANS_AT_ONCE = 1_500
"""Spans after which no further trace is read with the same question: their texts are in memory together."""


Landmark = Literal["key", "trace", "place", "span", "turn"]


@dataclass
class Conversation:
    """A thread as far as it was read. `blocks` are those of the traces read so far, of `traces` in all."""

    row: Row
    traces: Sequence[Row]
    read: list[Sequence[Row]] = field(default_factory=list)
    """The spans of the traces read so far; of their texts only what was said is kept."""
    said: Sequence[Turn] = ()
    """What was said and done in the traces read so far."""
    blocks: list[Block] = field(default_factory=list)
    same: int = 0
    """Blocks at the start that are the same as before the last reading."""
    turns: int = 0
    blind: bool = False
    as_written: bool = False
    """True while answers are shown as they were written, not styled."""
    first_bad: str | int | None = None
    """The span or turn that is marked as the first bad one."""
    pieces: dict[str, tuple[Piece, ...]] = field(default_factory=dict)
    """What was styled before, by its text."""
    maybe_incomplete: bool = False
    _landmarks: Mapping[tuple[Landmark, object], int] = field(init=False, default_factory=dict)
    _told: Transcript = field(init=False)
    _made: TurnBlocks | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Nothing is told yet."""
        self._told = Transcript()

    @property
    def complete(self) -> bool:
        """True once every trace was read."""
        return len(self.read) >= len(self.traces)

    def read_more(self, engine: Engine, count: int, token: CancelToken) -> None:
        """Read the next traces; called in a worker, by one at a time."""
        wanted = self._next(count)
        self.tell(engine, engine.traces([str(trace["trace_id"]) for trace in wanted], token), token)

    def tell(self, engine: Engine, details: Sequence[TraceDetail], token: CancelToken) -> None:
        """Tell the next traces, whose spans were read; called in a worker, by one at a time."""
        # One question for the payloads of all of them: a source is read once instead of once a trace.
        spans = [span for detail in details for span in detail.spans]
        payloads = iter(engine.beginnings(spans, SOURCE_LIMIT, token, raw=False) if spans else ())
        for detail in details:
            told, read = len(self._told.turns), list(islice(payloads, len(detail.spans)))
            self._told.read(detail.spans, [payload for payload, _ in read])
            self._say_cut(told, {payload.span_id: max(cut.values()) for payload, cut in read if cut})
            self.read.append(detail.spans)
            self.maybe_incomplete = self.maybe_incomplete or detail.maybe_incomplete
        self.said = tuple(self._told.turns)
        self.turns = len({turn.number for turn in self.said if turn.number})
        if self._made is None:
            self.lay_out(self.blind, self.as_written)
        else:
            before, self.same = self.blocks, self._made.extend(self.said)
            self.blocks = with_first_bad(self._made.blocks, self.first_bad)
            for old, new in zip(before[self.same :], self.blocks[self.same :], strict=False):
                if old != new:
                    break
                self.same += 1
            self._landmarks = _landmarks(self.blocks)

    def _say_cut(self, start: int, sizes: dict[str, int]) -> None:
        """Say of the turns from `start` on how much of a text there is; `sizes` are the bytes of those by span."""
        if not sizes:
            return
        turns = self._told.turns
        for at in range(start, len(turns)):
            turn = turns[at]
            if turn.span_id in sizes and len(turn.text) > SOURCE_LIMIT // 2:
                whole = human.size(sizes[turn.span_id])
                words = f"only the first {human.size(SOURCE_LIMIT)} of {whole}: the span has all of it"
                turns[at] = replace(turn, attachments=(*turn.attachments, words))

    def _next(self, count: int) -> Sequence[Row]:
        """The traces to read next: so many, or fewer of many spans, but one."""
        begin, spans = len(self.read), 0
        for number, trace in enumerate(self.traces[begin : begin + count]):
            spans += trace.get("spans") or 0
            if number and spans > SPANS_AT_ONCE:
                return self.traces[begin : begin + number]
        return self.traces[begin : begin + count]

    def lay_out(self, blind: bool, as_written: bool = False) -> None:
        """Make the blocks of what was read anew; called in a worker."""
        styler = None if as_written else self._styled
        self._made = TurnBlocks(self.by_id, blind=blind, styler=styler)
        self._made.extend(self.said)
        self.blocks = with_first_bad(self._made.blocks, self.first_bad)
        self.same, self.blind, self.as_written = 0, blind, as_written
        self._landmarks = _landmarks(self.blocks)

    def _styled(self, text: str) -> tuple[Piece, ...]:
        found = self.pieces.get(text)
        if found is None:
            found = self.pieces[text] = styled(text)
        return found

    @cached_property
    def by_id(self) -> dict[str, Row]:
        """The traces by their ids."""
        return {str(trace["trace_id"]): trace for trace in self.traces}

    def first_span(self, span_id: str) -> str | None:
        """The span of this id, or, where it said nothing, the one that is told from its time on."""
        told = {turn.span_id for turn in self.said}
        if span_id in told:
            return span_id
        start = next(
            (span.get("start_ns") for spans in self.read for span in spans if span["span_id"] == span_id),
            None,
        )
        if start is None:
            return None
        timed = [(turn.start_ns, turn.span_id) for turn in self.said if turn.start_ns is not None]
        later = [one for one in timed if one[0] >= start]
        return min(later)[1] if later else max(timed)[1] if timed else None

    def whole_text(self, key: TurnKey) -> str:
        """A message as it was written, safe to draw; empty for what is no message."""
        turn = self.said[key.at] if 0 <= key.at < len(self.said) and not key.inner else None
        if turn is None or turn.role in ("tool", "retrieval", "agent"):
            return ""
        return foreign(text_without_binary(turn.text))

    def block_of(self, what: Landmark, wanted: object) -> int | None:
        """The first block of a key, of a trace, of the text at a place of `said`, what a span said, a turn."""
        return self._landmarks.get((what, wanted))

    @property
    def last_turn(self) -> tuple[list[int], int] | None:
        """Where the last turn begins, and the user's words in it; and the block of its answer. None without turns."""
        last = {block.style: index for index, block in enumerate(self.blocks)}
        if "divider" not in last:
            return None
        turn = last["divider"]
        starts = [turn, *(index for index in (last.get("user"),) if index is not None and index > turn)]
        return starts, max(last.get("assistant", turn), starts[-1])


def _landmarks(blocks: Sequence[Block]) -> dict[tuple[Landmark, object], int]:
    """Where things are: looking through the blocks of a long conversation would take a tenth of a second."""
    found: dict[tuple[Landmark, object], int] = {}
    before: TurnKey | None = None
    for index, block in enumerate(blocks):
        key = block.key
        if not isinstance(key, TurnKey) or key == before:
            continue
        divides = block.style == "divider"
        # A line between turns may have the key of what follows it.
        before = None if divides else key
        found.setdefault(("key", key), index)
        found.setdefault(("trace", key.trace_id), index)
        found.setdefault(("place", key.at), index)
        if divides:
            found.setdefault(("turn", key.number), index)
        elif not key.inner:
            found.setdefault(("span", key.span_id), index)
    return found
