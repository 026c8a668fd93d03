"""The facts in the text of a pane, found where somebody looks, and a walk through them. Pure bookkeeping."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection

from msgspec import Struct

from traceview.text.facts import Fact, FactKind, counted_facts, find_facts
from traceview.tui.widgets.block_layout import Layout, Place
from traceview.tui.widgets.blocks import Block

FactKey = tuple[FactKind, str]
"""What two mentions of one fact share."""

SLICE = 8_192
"""Characters of a long text in which facts are looked for at once."""
OVERLAP = 200
"""Characters after a slice in which a fact that begins in it may end."""
REACH = 64
"""Slices that a walk looks through for the next fact; then it says that there is none near."""
_KEPT = 64
_WALKED = frozenset({"text", "json", "error", "reasoning"})


class Spot(Struct, frozen=True):
    """A fact in a block; `start` and `end` are offsets into the block's text."""

    index: int
    start: int
    end: int
    fact: Fact

    @property
    def key(self) -> FactKey:
        """What another mention of it has too."""
        return self.fact.kind, self.fact.key


def has_facts(block: Block) -> bool:
    """True of what somebody wrote; heads and figures of the pane's own are no text to ask about."""
    head = block.holds and block.style != "json"
    return block.style in _WALKED and not head


class FactSpots:
    """The facts of one layout. `unsourced` are those that nothing before the text contains."""

    def __init__(self, first: int = 0) -> None:
        """`first` is the first block with text to ask about."""
        self.first = first
        self.current: Spot | None = None
        self.unsourced: Collection[FactKey] = ()
        self._found: OrderedDict[tuple[int, int], tuple[Spot, ...]] = OrderedDict()

    def of_slice(self, layout: Layout, index: int, number: int) -> tuple[Spot, ...]:
        """The facts that begin in a slice of a block."""
        key = (index, number)
        if key in self._found:
            self._found.move_to_end(key)
            return self._found[key]
        block = layout.block(index)
        begin = number * SLICE
        # A fact that goes on over the border is found whole in the slice it begins in, and not again in the next.
        before = min(begin, OVERLAP)
        text = block.text[begin - before : begin + SLICE + OVERLAP]
        found = counted_facts(text) if block.style == "json" else find_facts(text)
        end = min(len(block.text), begin + SLICE)
        spots = []
        free = 0
        for fact in found:
            start, stop = begin - before + fact.start, begin - before + fact.end
            if start >= free and begin <= start < end:
                spots.append(Spot(index, start, stop, fact))
                free = stop
        self._found[key] = tuple(spots)
        while len(self._found) > _KEPT:
            self._found.popitem(last=False)
        return self._found[key]

    def within(self, layout: Layout, index: int, start: int, end: int) -> list[Spot]:
        """The facts of a block that touch [start, end) of its text."""
        if index < self.first or not has_facts(layout.block(index)) or layout.is_folded(index):
            return []
        first = max(0, start - OVERLAP) // SLICE
        last = max(start, end - 1) // SLICE
        return [
            spot
            for number in range(first, last + 1)
            for spot in self.of_slice(layout, index, number)
            if spot.start < end and spot.end > start
        ]

    def on_line(self, layout: Layout, place: Place) -> list[tuple[int, int, str]]:
        """What of a line is a fact, as `(start, end, part)` of the line."""
        if place.line < 0 or layout.is_folded(place.index):
            return []
        start, end = layout.span(place)
        found = []
        for spot in self.within(layout, place.index, start, end):
            part = "fact-unsourced" if spot.key in self.unsourced else "fact"
            if self.current is not None and self.current == spot:
                part = "fact-current"
            found.append((max(0, spot.start - start), min(end, spot.end) - start, part))
        return found

    def is_unsourced(self, layout: Layout, place: Place) -> bool:
        """True if a fact on a line comes from nowhere."""
        if not self.unsourced or place.line < 0:
            return False
        spots = self.within(layout, place.index, *layout.span(place))
        return any(spot.key in self.unsourced for spot in spots)

    def next(self, layout: Layout, index: int, offset: int) -> Spot | None:
        """The first fact that begins at an offset of a block or after it, in shown text; None if none is near."""
        looked = 0
        if index < self.first:
            index, offset = self.first, 0
        while index < len(layout) and looked < REACH:
            block = layout.block(index)
            if has_facts(block) and not layout.is_short(index):
                for number in range(offset // SLICE, (max(0, len(block.text) - 1)) // SLICE + 1):
                    looked += 1
                    for spot in self.of_slice(layout, index, number):
                        if spot.start >= offset:
                            return spot
                    if looked >= REACH:
                        return None
            index, offset = index + 1, 0
        return None
