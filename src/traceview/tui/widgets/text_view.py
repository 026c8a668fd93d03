"""A virtual text pane: blocks to read and search, their facts walked through, drawn one visible line at a time."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rich.segment import Segment
from textual.strip import Strip

from traceview.tui.widgets.block_layout import Place
from traceview.tui.widgets.block_scroll import BlockScroll
from traceview.tui.widgets.blocks import Block
from traceview.tui.widgets.fact_spots import FactKey, FactSpots, Spot
from traceview.tui.widgets.sent import Sent
from traceview.tui.widgets.text_lines import CSS, PARTS, line_segments


class TextView(BlockScroll):
    """Blocks of text to read, scroll, fold and search."""

    PART_PREFIX = "text-view--"
    PLAIN_PARTS = frozenset({"base", "text"})
    COMPONENT_CLASSES = {f"text-view--{part}" for part in PARTS}

    DEFAULT_CSS = CSS

    class Searched(Sent["TextView"]):
        """A search found something more, or went to another hit. `current` counts from 1, 0 means none."""

        newest_counts = True

        def __init__(self, view: TextView, hits: int, current: int, complete: bool) -> None:
            super().__init__(view)
            self.view = view
            self.hits = hits
            self.current = current
            self.complete = complete

        @property
        def sentence(self) -> str:
            """`3 of 17 hits`, as a search field says it."""
            more = "" if self.complete else "+ (searching)"
            if not self.hits:
                return "no hit" if self.complete else "searching"
            return f"{self.current:,} of {self.hits:,}{more} hit{'s' if self.hits != 1 else ''}"

    def __init__(self, *, cursor: bool = False, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(cursor=cursor, id=id, classes=classes)
        self._hit = -1
        self._hit_origin = (0, 0)
        self._facts: FactSpots | None = None
        """While the facts of the text are walked through, where they are."""
        self._spot: tuple[int, int, int] | None = None
        """Block, start and end of what somebody was sent to."""

    def load(self, blocks: Sequence[Block], *, at: int = 0) -> None:
        """Show these blocks from the top, or from block `at`; what is searched for stays so."""
        wanted = self._layout.searching_for
        self._hit = -1
        self._facts = self._spot = None
        super().load(blocks, at=at)
        self._layout.search(wanted)
        self._work()

    def replace(self, start: int, stop: int, blocks: Sequence[Block]) -> None:
        """Put other blocks in the place of [start, stop) while what is on screen stays where it is."""
        self._facts = self._spot = None
        super().replace(start, stop, blocks)

    # Facts: walking through them, and showing one that was looked for.

    @property
    def fact(self) -> Spot | None:
        """The fact that the walk stands at."""
        return self._facts.current if self._facts is not None else None

    @property
    def walks_facts(self) -> bool:
        """True while facts are underlined."""
        return self._facts is not None

    def next_fact(self, first: int = 0) -> Spot | None:
        """Walk on to the next fact, or begin at the one on the cursor's line or after it; behind the last the first.

        `first` is the first block in which facts are looked for.
        """
        facts = self._facts or FactSpots(first)
        if facts.current is not None:
            begin = (facts.current.index, facts.current.start + 1)
        else:
            place = self._here
            begin = (place.index, self._layout.span(place)[0]) if place is not None else (0, 0)
        found = facts.next(self._layout, *begin) or facts.next(self._layout, 0, 0)
        if found is None:
            return None
        self._facts, facts.current, self._spot = facts, found, None
        self.go_to_block(found.index, found.start)
        self.refresh()
        return found

    def facts_on_screen(self) -> list[Spot]:
        """The facts of the lines on screen, while they are walked through."""
        found: dict[tuple[int, int], Spot] = {}
        for y in range(self.size.height):
            place = self._layout.place(self.scroll_offset.y + y)
            if self._facts is not None and place is not None and place.line >= 0:
                for spot in self._facts.within(self._layout, place.index, *self._layout.span(place)):
                    found[(spot.index, spot.start)] = spot
        return list(found.values())

    def mark_unsourced(self, keys: Collection[FactKey]) -> None:
        """Draw these facts as ones that come from nowhere."""
        if self._facts is not None:
            self._facts.unsourced = frozenset(keys)
            self.refresh()

    def end_facts(self) -> bool:
        """Draw no facts any more, nor what somebody was sent to; False if nothing was drawn."""
        drawn = self._facts is not None or self._spot is not None
        self._facts = self._spot = None
        if drawn:
            self.refresh()
        return drawn

    def show_spot(self, index: int, start: int, end: int) -> None:
        """Go to a part of a block and draw it as what was looked for."""
        self._spot = (index, start, end)
        self.go_to_block(index, start)
        self.refresh()

    # Searching.

    def search(self, text: str) -> None:
        """Search for a text, ignoring case, and go to the first hit from here on; an empty text ends it."""
        place = self._here
        self._hit_origin = (place.index, self._layout.span(place)[0]) if place else (0, 0)
        self._hit = -1
        self._layout.search(text)
        self._layout.advance_search()
        self._first_hit()
        self.refresh()
        self._tell_search()
        self._work()

    def go_to_hit(self, step: int) -> bool:
        """Go to the next (1) or previous (-1) hit, around both ends; False if there is none yet."""
        if not self._layout.hits:
            return False
        if self._hit < 0:
            self._hit = -1 if step > 0 else 0
        self._show_hit((self._hit + step) % self._layout.hits)
        return True

    @property
    def hit_count(self) -> int:
        """Hits found so far."""
        return self._layout.hits

    def _first_hit(self) -> None:
        """Go to the first hit at or after the place where the search began, once it is known."""
        layout = self._layout
        if self._hit >= 0 or not layout.hits:
            return
        number = layout.hit_from(*self._hit_origin)
        if number < layout.hits:
            self._show_hit(number)
        elif layout.searched:
            self._show_hit(0)

    def _show_hit(self, number: int) -> None:
        self._hit = number
        index, offset = self._layout.hit(number)
        if self._layout.reached(index) and self._layout.is_folded(index):
            self._layout.toggle(index)
            self._fit_content()
        self.go_to_block(index, offset)
        self.refresh()
        self._tell_search()

    def _tell_search(self) -> None:
        layout = self._layout
        self.post_message(self.Searched(self, layout.hits, self._hit + 1, layout.searched))

    @property
    def _has_work(self) -> bool:
        return super()._has_work or not self._layout.searched

    def _work_when_laid_out(self) -> None:
        layout = self._layout
        hits = layout.hits
        layout.advance_search()
        if layout.hits != hits or layout.searched:
            self._first_hit()
            self._tell_search()

    # Drawing.

    def render_line(self, y: int) -> Strip:
        """One line of the pane."""
        cells = self.scrollable_content_region.width
        line = self.scroll_offset.y + y
        base = self._style("base")
        place = self._layout.place(line)
        if place is None:
            return Strip.blank(cells, base)
        spots = self._facts.on_line(self._layout, place) if self._facts is not None else []
        if self._spot is not None and self._spot[0] == place.index and place.line >= 0:
            start, end = self._layout.span(place)
            first, last = max(start, self._spot[1]), min(end, self._spot[2])
            spots += [(first - start, last - start, "fact-current")] if first < last else []
        text = line_segments(self._layout, place, self._hit, self._text_width, self._style, spots)
        return Strip([self._gutter(place, line), *text]).adjust_cell_length(cells, base)

    def _gutter(self, place: Place, line: int) -> Segment:
        doubt = "?" if self._facts is not None and self._facts.is_unsourced(self._layout, place) else " "
        if not self._with_cursor or place.index != self._current_index or place.line < 0:
            return Segment(f" {doubt}", self._style("fact-unsourced" if doubt != " " else "base"))
        sign = "▌" if line == self._line and self.has_focus else "│"
        return Segment(sign + doubt, self._style("cursor"))
