"""Blocks of text laid out in lines: pure bookkeeping under the virtual text pane, no drawing.

Blocks are wrapped in order, a little at a time, so that the first screen is there at once and a payload of
any size never holds up the event loop. Lines are counted from 0 over all blocks laid out so far.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import Struct

from traceview.text.wrap import Unwrapped, Wrapped
from traceview.tui.widgets.block_hits import BlockHits
from traceview.tui.widgets.blocks import Block

WRAP_STEP = 256
REPLACE_SECONDS = 0.008
"""How long the blocks that take the place of others are laid out at once."""
ANSWER_LINES = 3
"""Lines of an answer that are on screen at least when it is shown below its question."""


@dataclass(slots=True)
class _Laid:
    """A block with its lines as far as they are known."""

    block: Block
    folded: bool
    wrapped: Wrapped | None = None
    hidden: bool = False
    """True while a block that holds this one is folded: it has no lines."""

    @property
    def short(self) -> bool:
        """True while no line of its text is to be known."""
        return self.folded or self.hidden

    def lines(self) -> int:
        """Lines known so far, the gap included."""
        if self.hidden:
            return 0
        if self.folded:
            return self.block.gap + 1
        return self.block.gap + (len(self.wrapped) if self.wrapped else 0)


class Place(Struct, frozen=True):
    """A line of a block: `line` is -1 and below inside the gap before it."""

    index: int
    line: int


class Layout:
    """Blocks in lines of a width."""

    def __init__(self, blocks: Sequence[Block], width: int) -> None:
        self.width = max(8, width)
        self._items = [_Laid(block, block.folded) for block in blocks]
        self._starts: list[int] = []
        self._done = 0
        self._hits = BlockHits()
        self._hide()

    def __len__(self) -> int:
        return len(self._items)

    @property
    def complete(self) -> bool:
        """True once every block is laid out."""
        return self._done == len(self._items)

    @property
    def lines(self) -> int:
        """Lines known so far."""
        total = self._starts[self._done - 1] + self._items[self._done - 1].lines() if self._done else 0
        if self._done < len(self._items):
            total += self._items[self._done].lines() if self._items[self._done].wrapped else 0
        return total

    def block(self, index: int) -> Block:
        """A block by its number."""
        return self._items[index].block

    def is_folded(self, index: int) -> bool:
        """True while only the block's fold line is shown."""
        return self._items[index].folded

    def is_short(self, index: int) -> bool:
        """True while a block's text is not shown: it is folded, or hidden inside a folded one."""
        return self._items[index].short

    def fold_all(self, folded: bool, *, start: int = 0) -> bool:
        """Fold or unfold every block that has a folded form, from a block on; False if nothing changed."""
        changed = False
        for item in self._items[start:]:
            if item.block.fold is not None and item.folded != folded:
                item.folded = folded
                changed = True
        if changed:
            self._hide()
            # Lines are counted again as they are laid out, a slice at a time.
            self._starts.clear()
            self._done = 0
        return changed

    # Laying out.

    def advance(self, lines: int | None = None, seconds: float = 0.008) -> None:
        """Lay out until `lines` lines are known (None: as many as there are) or the time is up."""
        deadline = time.perf_counter() + seconds
        while self._done < len(self._items):
            if lines is not None and self.lines >= lines:
                return
            item = self._items[self._done]
            if not item.short:
                if item.wrapped is None:
                    item.wrapped = self._wrap(item.block)
                item.wrapped.extend(len(item.wrapped) + WRAP_STEP)
                if not item.wrapped.complete:
                    if time.perf_counter() >= deadline:
                        return
                    continue
            self._starts.append(self._starts[-1] + self._items[self._done - 1].lines() if self._done else 0)
            self._done += 1
            if time.perf_counter() >= deadline:
                return

    def reached(self, index: int, offset: int = 0) -> bool:
        """True if the line that holds this offset of a block is known."""
        if index < self._done:
            return True
        if index > self._done or index >= len(self._items):
            return False
        item = self._items[index]
        return bool(item.wrapped and len(item.wrapped) and item.wrapped[len(item.wrapped) - 1][1] > offset)

    def _wrap(self, block: Block) -> Wrapped:
        if block.clip:
            return Unwrapped(block.text)
        width = self.width - block.indent
        return Wrapped(block.text, max(8, width))

    def _restart(self, index: int) -> None:
        """Count the lines of the finished blocks again from a block on."""
        done = self._done
        del self._starts[index:]
        self._done = min(self._done, index)
        position = self._starts[-1] + self._items[index - 1].lines() if index else 0
        while self._done < done:
            item = self._items[self._done]
            if not item.short and (item.wrapped is None or not item.wrapped.complete):
                return
            self._starts.append(position)
            position += item.lines()
            self._done += 1

    # Lines.

    def place(self, line: int) -> Place | None:
        """The block and its line that stand at a line of the pane; None past the end."""
        if not 0 <= line < self.lines:
            return None
        index = bisect_right(self._starts, line) - 1
        start = self._starts[index] if index >= 0 else 0
        if index < 0 or (index == self._done - 1 and line >= start + self._items[index].lines()):
            index = self._done
            start = self._start_of_current()
        return Place(index, line - start - self._items[index].block.gap)

    def text(self, place: Place) -> str:
        """The text of a line of a block; empty inside a gap."""
        item = self._items[place.index]
        if place.line < 0:
            return ""
        if item.folded:
            return item.block.fold or ""
        return item.wrapped.line(place.line) if item.wrapped else ""

    def span(self, place: Place) -> tuple[int, int]:
        """The offsets of a line in its block's text."""
        item = self._items[place.index]
        if place.line < 0 or item.folded or item.wrapped is None:
            return (0, 0)
        return item.wrapped[place.line]

    def line_of(self, index: int, offset: int = 0) -> int:
        """The line that holds an offset of a block that was reached."""
        item = self._items[index]
        start = self._starts[index] if index < self._done else self._start_of_current()
        if item.hidden:
            return max(0, start - 1)
        within = 0 if item.short or item.wrapped is None else item.wrapped.line_at(offset)
        return start + item.block.gap + within

    def line_after(self, place: Place, start: int, stop: int, shift: int) -> int:
        """Where a place of before is now that blocks [start, stop) were replaced by `shift` more."""
        index = place.index
        if index >= stop:
            index += shift
        elif index >= start:
            return self.line_of(start) - self.block(start).gap if start < len(self) else 0
        if not self.reached(index):
            return max(0, self.lines - 1)
        return self.line_of(index) + place.line

    def answer_line(self, starts: Sequence[int], answer: int, height: int) -> int | None:
        """The line of the first of the blocks `starts` from which `answer` begins within a pane of `height`.

        The line of `answer` itself where none is near enough; None until the pane below it is laid out.
        """
        last = self.line_of(answer)
        if not self.complete and self.lines < last + height:
            return None
        lines = (self.line_of(start) for start in starts)
        return next((line for line in lines if last - line < height - ANSWER_LINES), last)

    def _start_of_current(self) -> int:
        return self._starts[-1] + self._items[self._done - 1].lines() if self._done else 0

    # Changes.

    def toggle(self, index: int) -> bool:
        """Fold or unfold a block; False if it has no folded form."""
        item = self._items[index]
        if item.block.fold is None:
            return False
        item.folded = not item.folded
        changed = [item]
        if item.block.holds:
            stop = index + 1 + item.block.holds
            self._hide(index, stop)
            changed += self._items[index + 1 : min(stop, self._done)]
        for one in changed:
            if not one.short and one.wrapped is None:
                one.wrapped = self._wrap(one.block)
                one.wrapped.extend(4 * WRAP_STEP)
        self._restart(index)
        return True

    def reveal(self, index: int) -> bool:
        """Unfold every block that holds this one; False if it is shown as it is."""
        holders = [
            at for at in range(index) if self._items[at].folded and self._items[at].block.holds >= index - at
        ]
        for at in holders:
            self.toggle(at)
        return bool(holders)

    def holder(self, index: int) -> int | None:
        """The nearest block that holds this one; None if none does."""
        return next(
            (at for at in range(index - 1, -1, -1) if self._items[at].block.holds >= index - at), None
        )

    def _hide(self, start: int = 0, stop: int | None = None) -> None:
        """Say again of the blocks [start, stop) which ones are hidden; nothing before hides any of them."""
        until = 0
        for at in range(start, len(self._items) if stop is None else min(stop, len(self._items))):
            item = self._items[at]
            item.hidden = at < until
            if item.folded and not item.hidden:
                until = max(until, at + 1 + item.block.holds)

    def replace(self, start: int, stop: int, blocks: Sequence[Block]) -> None:
        """Put other blocks in the place of blocks [start, stop).

        They are laid out at once for as long as one slice of `advance` takes; the rest, and what follows it, later.
        """
        done = self._done
        fresh = [_Laid(block, block.folded) for block in blocks]
        self._items[start:stop] = fresh
        self._hits = BlockHits(self._hits.text)
        self._hide()
        if start >= done:
            return
        deadline = time.perf_counter() + REPLACE_SECONDS
        for item in fresh:
            if not item.short:
                item.wrapped = self._wrap(item.block)
                item.wrapped.extend(4 * WRAP_STEP)
                if time.perf_counter() >= deadline:
                    break
        self._done = max(start, done + len(fresh) - (min(stop, done) - start))
        self._restart(start)

    def rewrapped(self, width: int) -> Layout:
        """The same blocks, folded as they are, and the same search, for another width."""
        layout = Layout((), width)
        layout._items = [_Laid(item.block, item.folded, hidden=item.hidden) for item in self._items]
        layout._hits = self._hits
        return layout

    def index_of(self, key: object) -> int | None:
        """The first block that belongs to a key."""
        return next((index for index, item in enumerate(self._items) if item.block.key == key), None)

    # Searching.

    @property
    def hits(self) -> int:
        """Hits found so far."""
        return len(self._hits)

    @property
    def searching_for(self) -> str:
        """What is searched for; empty if nothing is."""
        return self._hits.text

    @property
    def searched(self) -> bool:
        """True once every block was searched (or nothing is searched for)."""
        return self._hits.complete_in(len(self._items))

    def search(self, text: str) -> None:
        """Search for a text, ignoring case; `advance_search` does the work."""
        self._hits = BlockHits(text)

    def advance_search(self, seconds: float = 0.008) -> None:
        """Go on searching until everything was searched or the time is up."""
        self._hits.advance(lambda index: self._items[index].block.text, len(self._items), seconds)

    def hit(self, number: int) -> tuple[int, int]:
        """Block and offset of a hit."""
        return self._hits[number]

    def hit_from(self, index: int, offset: int) -> int:
        """The number of the first hit at or after an offset of a block; `hits` if there is none."""
        return self._hits.first_from(index, offset)

    def marks(self, place: Place) -> list[tuple[int, int]]:
        """Where hits lie within a line, as offsets into that line; hits across a line break included."""
        item = self._items[place.index]
        if item.folded or place.line < 0:
            return []
        return self._hits.within(item.block.text, *self.span(place))
