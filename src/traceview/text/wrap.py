"""Text wrapped to offsets: no copy of the text, linear time, and only as far as somebody looks.

A line is a pair of offsets (start, end) into the text. Between two lines stands nothing, one newline, or the
one space at which a line was broken; everything else is in exactly one line.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from traceview.text.cells import clusters

_ASCII_SLICE = 1 << 16


def wrap(text: str, width: int, start: int = 0) -> Iterator[tuple[int, int]]:
    """The lines of a text from an offset on, none wider than `width` cells, broken at spaces where possible.

    A cluster that is wider than `width` on its own gets a line of its own. An empty text is one empty line.
    """
    width = max(1, width)
    position = start
    while True:
        newline = text.find("\n", position)
        end = newline if newline >= 0 else len(text)
        yield from _wrap_line(text, position, end, width)
        if newline < 0:
            return
        position = newline + 1


def _wrap_line(text: str, position: int, end: int, width: int) -> Iterator[tuple[int, int]]:
    """The lines of one line of the text, [position, end)."""
    while True:
        if end - position <= width and text[position:end].isascii():
            yield position, end
            return
        limit = _reach(text, position, end, width)
        if limit == end:
            yield position, end
            return
        if text[limit] == " ":
            yield position, limit
            position = limit + 1
            continue
        space = text.rfind(" ", position, limit)
        cut = space + 1 if space >= position and text[position:space].strip(" ") else limit
        yield position, cut
        position = cut


def _reach(text: str, position: int, end: int, width: int) -> int:
    """The offset behind the last whole cluster that fits into the width; at least one cluster further on."""
    window = text[position : min(end, position + width + 1)]
    if window.isascii():
        return min(end, position + width)
    used, offset = 0, position
    step = 2 * width + 16
    while offset < end:
        piece = text[offset : min(end, offset + step)]
        last_of_text = offset + len(piece) == end
        pending: tuple[int, int] | None = None
        for cluster, size in clusters(piece):
            if pending is not None:
                used, offset = pending
            if used + size > width:
                return offset if offset > position else offset + len(cluster)
            pending = used + size, offset + len(cluster)
        # The last cluster of a piece may go on behind it: it is read again with what follows.
        if pending is not None and (last_of_text or pending[1] - offset >= len(piece)):
            used, offset = pending
    return end


class Wrapped:
    """A text wrapped as far as somebody looked, with random access to its lines.

    `complete` is True once the end was reached; `len` counts the lines known so far.
    """

    def __init__(self, text: str, width: int) -> None:
        self.text = text
        self.width = max(1, width)
        self.complete = False
        self._starts = array("Q")
        self._ends = array("Q")
        self._source = wrap(text, self.width)

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, index: int) -> tuple[int, int]:
        return self._starts[index], self._ends[index]

    def extend(self, lines: int) -> bool:
        """Wrap until `lines` lines are known or the text ends; True if there are that many."""
        starts, ends = self._starts, self._ends
        while len(starts) < lines and not self.complete:
            line = next(self._source, None)
            if line is None:
                self.complete = True
            else:
                starts.append(line[0])
                ends.append(line[1])
        return len(starts) >= lines

    def extend_to(self, offset: int) -> int:
        """Wrap until the line that holds an offset of the text is known; its index."""
        while not self.complete and (not self._ends or self._ends[-1] <= offset):
            self.extend(len(self._starts) + 256)
        return self.line_at(offset)

    def line(self, index: int) -> str:
        """The text of a known line."""
        return self.text[self._starts[index] : self._ends[index]]

    def line_at(self, offset: int) -> int:
        """The index of the known line that holds an offset, or the one before it."""
        from bisect import bisect_right

        return max(0, bisect_right(self._starts, offset) - 1)


class Unwrapped(Wrapped):
    """A text in the lines that it has, whatever their width."""

    def __init__(self, text: str) -> None:
        super().__init__(text, 1)
        self._source = _own_lines(text)


def _own_lines(text: str) -> Iterator[tuple[int, int]]:
    position = 0
    while (newline := text.find("\n", position)) >= 0:
        yield position, newline
        position = newline + 1
    yield position, len(text)
