"""Time drawn in cells: the ticks of an axis, and bars to an eighth of a cell. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from traceview.model.tree_times import Interval
from traceview.tui import glyphs
from traceview.tui.widgets.lines import Part

LEFT = glyphs.EIGHTHS
"""So many eighths of a cell from its left edge on."""
RIGHT = " ▕▕▐▐▐███"
"""The nearest that fonts have for so many eighths up to its right edge."""

MARKED_EIGHTHS = 20
"""A bar is so long before a marker stands in it."""

_SECOND = 1_000_000_000
_DAY = 86_400 * _SECOND
_STEPS = (
    *(digit * 10**power for power in range(10) for digit in (1, 2, 5)),
    *(seconds * _SECOND for seconds in (10, 15, 30, 60, 120, 300, 600, 900, 1800)),
    *(hours * 3600 * _SECOND for hours in (1, 2, 3, 6, 12)),
    *(digit * 10**power * _DAY for power in range(6) for digit in (1, 2, 5)),
)
"""Distances of ticks that people count in, nanoseconds."""


class Axis(Struct, frozen=True):
    """A stretch of time, nanoseconds since the epoch, over a row of cells."""

    start_ns: int
    length_ns: int
    cells: int

    def eighth(self, at_ns: int) -> int:
        """The eighth of a cell in which a moment lies, within the axis."""
        eighths = self.cells * 8
        return max(0, min(eighths, (at_ns - self.start_ns) * eighths // max(1, self.length_ns)))

    def ticks(self) -> list[tuple[int, str]]:
        """The cell and the words of each tick; two blanks or more between the words, all within the cells."""
        if self.cells <= 0:
            return []
        for step in _STEPS:
            count = self.length_ns // step
            if count * 3 > self.cells:
                continue
            found = [
                (self.eighth(self.start_ns + step * n) // 8, _moment(step * n)) for n in range(count + 1)
            ]
            found = [(cell, words) for cell, words in found if not cell or cell + len(words) <= self.cells]
            ends = [cell + len(words) + 2 for cell, words in found]
            if all(end <= cell for end, (cell, _) in zip(ends, found[1:], strict=False)):
                return found
        return [(0, "0")]

    def header(self) -> str:
        """The ticks as one text, exactly as wide as the axis."""
        text = ""
        for cell, words in self.ticks():
            text = text.ljust(cell) + words
        return text[: self.cells].ljust(self.cells)


def _moment(ns: int) -> str:
    """Time since the start, as short as it is exact: `0`, `250ms`, `1.5s`, `90s` as `1m 30s`."""
    if ns == 0:
        return "0"
    for unit, word in ((_DAY, "d"), (3600 * _SECOND, "h"), (60 * _SECOND, "m")):
        if ns >= unit:
            whole, rest = divmod(ns, unit)
            return f"{whole}{word}" + (f" {_moment(rest)}" if rest else "")
    for unit, word in ((_SECOND, "s"), (1_000_000, "ms"), (1_000, "µs")):
        if ns >= unit:
            return f"{ns / unit:g}{word}"
    return f"{ns}ns"


def bar(
    axis: Axis,
    thin: Iterable[Interval],
    solid: Iterable[Interval],
    part: str | None,
    marker_ns: int | None = None,
) -> list[Part]:
    """A row of the waterfall, exactly as wide as the axis: solid times in eighths of a cell over thin ones.

    Every time is at least an eighth wide, however short. A marker takes its cell from what is below it, and stays
    away where nothing would be left to see of that.
    """
    faint, strong = _painted(axis, thin), _painted(axis, solid)
    marked = -1
    if marker_ns is not None and max(sum(faint), sum(strong)) >= MARKED_EIGHTHS:
        marked = min(axis.eighth(marker_ns) // 8, axis.cells - 1)
    parts: list[Part] = []
    text, now = "", None
    for cell in range(axis.cells):
        at = slice(cell * 8, cell * 8 + 8)
        style: str | None
        if cell == marked:
            glyph, style = glyphs.TIME_MARK, "mark"
        elif any(strong[at]):
            glyph, style = _block(strong[at]), part
        elif any(faint[at]):
            glyph, style = glyphs.BAR_FAINT, "thin"
        else:
            glyph, style = " ", now
        if style != now and text:
            parts.append((text, now))
            text = ""
        text, now = text + glyph, style
    return [*parts, (text, now)] if text else parts


def _painted(axis: Axis, intervals: Iterable[Interval]) -> bytearray:
    eighths = axis.cells * 8
    painted = bytearray(eighths)
    for start, end in intervals:
        first = min(axis.eighth(start), eighths - 1)
        last = max(first + 1, axis.eighth(end))
        painted[first:last] = b"\1" * (last - first)
    return painted


def _block(eighths: Sequence[int]) -> str:
    """One cell: exact from its left edge on, the nearest that fonts have up to its right edge."""
    count = sum(eighths)
    if count == 8:
        return LEFT[8]
    if eighths[7] and not eighths[0]:
        return RIGHT[count]
    if not eighths[0] and not eighths[7] and sum(eighths[4:]) > sum(eighths[:4]):
        return RIGHT[count]
    return LEFT[count]
