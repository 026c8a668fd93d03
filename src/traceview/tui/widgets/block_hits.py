"""Where a text was found in blocks: searched a slice at a time, in order, whatever is laid out or folded."""

from __future__ import annotations

import re
import time
from array import array
from bisect import bisect_left
from collections.abc import Callable

SEARCH_SLICE = 1 << 19
"""Characters that are searched between two looks at the clock."""


class BlockHits:
    """The hits found so far, as `(block, offset)` in order, and how far the search is. An empty text finds nothing."""

    def __init__(self, text: str = "") -> None:
        self.text = text
        self._pattern = re.compile(re.escape(text), re.IGNORECASE) if text else None
        self._blocks = array("L")
        self._offsets = array("Q")
        self._block = 0
        self._offset = 0
        """Where the search goes on."""

    def __len__(self) -> int:
        return len(self._blocks)

    def __getitem__(self, number: int) -> tuple[int, int]:
        return self._blocks[number], self._offsets[number]

    def complete_in(self, count: int) -> bool:
        """True once all of `count` blocks were searched (or nothing is searched for)."""
        return self._pattern is None or self._block >= count

    def advance(self, text_of: Callable[[int], str], count: int, seconds: float) -> None:
        """Go on through `count` blocks until all were searched or the time is up."""
        deadline = time.perf_counter() + seconds
        if self._pattern is None:
            return
        overlap = len(self.text) + 8
        while self._block < count:
            text = text_of(self._block)
            stop = min(len(text), self._offset + SEARCH_SLICE)
            for match in self._pattern.finditer(text, self._offset, min(len(text), stop + overlap)):
                if match.start() >= stop:
                    break
                self._blocks.append(self._block)
                self._offsets.append(match.start())
            if stop >= len(text):
                self._block += 1
                self._offset = 0
            else:
                self._offset = max(stop, self._offsets[-1] + 1 if self._offsets else 0)
            if time.perf_counter() >= deadline:
                return

    def first_from(self, index: int, offset: int) -> int:
        """The number of the first hit at or after an offset of a block; the count of hits if there is none."""
        return bisect_left(self, (index, offset))

    def within(self, text: str, start: int, end: int) -> list[tuple[int, int]]:
        """Where hits lie within [start, end) of a block's text, as offsets from `start`."""
        if self._pattern is None:
            return []
        reach = len(self.text)
        found = []
        for match in self._pattern.finditer(text, max(0, start - reach), min(len(text), end + reach)):
            first, last = max(start, match.start()), min(end, match.end())
            if first < last:
                found.append((first - start, last - start))
        return found
