"""What is written for a frame: only the cells that differ from what the terminal shows already.

Textual writes every changed region whole, with all of its colours for every piece of it. Over a slow link that is
what a person waits for, so the cells that were written last are kept here, a frame is compared with them, colours are
written where they change, and lines that moved up or down over the whole width are moved by the terminal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.strip import Strip

Look = tuple[str, str, str]
"""Attributes, foreground and background, each as the numbers of an SGR sequence."""

Piece = tuple[int, list[tuple[str, Look]]]
"""A column, and what is drawn from there."""
PLAIN: Look = ("", "", "")
GAP = 6
"""Unchanged cells between two changed ones that are cheaper written again than skipped."""
MOVED_ROWS = 4
"""Rows that a move must save."""
BESIDE = 3
"""Cells of a row, on average, that may be written again because they did not move with the others."""
EDGE = 2
"""Cells at the right that are not compared when rows may have moved: a scroll bar stays."""
_ONE_CELL = re.compile(
    "[\x20-\x7e\u00a1-\u00ac\u00ae-\u02ff\u0370-\u0377\u03a3-\u03ff\u0410-\u044f"
    "\u2010-\u2027\u2030-\u205e\u2190-\u2193\u2500-\u257f\u2580-\u259f\u2800-\u28ff]*"
)
"""Text of which every terminal agrees that each character takes one cell. Everything else is written in one piece."""

_ACTS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What no widget draws: it would move the cursor or turn the line around. The last place to stop it."""


@dataclass(slots=True)
class _Row:
    """The cells of a row as they were written; None where that is not known cell by cell."""

    chars: list[str | None]
    looks: list[Look]
    whole: dict[int, tuple[int, tuple[tuple[str, Look], ...]]] = field(default_factory=dict)
    """Pieces that were written whole: where they begin, where they end, and what they are."""

    def copy(self) -> _Row:
        return _Row(self.chars.copy(), self.looks.copy(), self.whole.copy())

    def text(self) -> str:
        return "".join(char or "\x00" for char in self.chars[:-EDGE])


class Painted:
    """The cells that a terminal shows. `changes` says what to write for another frame."""

    def __init__(self) -> None:
        self._rows: list[_Row] = []
        self._size = (0, 0)
        self._look_of: dict[Style, Look] = {}
        self._out: list[str] = []
        self._look = PLAIN
        self._at: tuple[int, int] | None = None

    def forget(self) -> None:
        """What the terminal shows is not known any more."""
        self._size = (0, 0)

    def changes(self, update: CompositorUpdate, size: tuple[int, int], console: Console) -> str:
        """What to write so that a terminal of (columns, rows) shows this update too."""
        columns, rows = size
        if size != self._size:
            self._size = size
            self._rows = [_Row([None] * columns, [PLAIN] * columns) for _ in range(rows)]
        self._out, self._look, self._at = [], PLAIN, None
        system = console._color_system or ColorSystem.TRUECOLOR
        wanted: dict[int, list[Piece]] = {}
        for y, x, strip in _pieces(update):
            if 0 <= y < rows and 0 <= x < columns:
                wanted.setdefault(y, []).append((x, [*self._parts(strip, system)]))
        self._move_rows(wanted)
        for y, pieces in wanted.items():
            self._write_row(y, sorted(pieces, key=lambda piece: piece[0]))
        if self._look != PLAIN:
            self._out.append("\x1b[0m")
        return "".join(self._out)

    # Comparing.

    def _parts(self, strip: Iterable[Segment], system: Any) -> Iterator[tuple[str, Look]]:
        for text, style, control in strip:
            if control or not text:
                continue
            if not text.isprintable():
                text = _ACTS.sub("\N{REPLACEMENT CHARACTER}", text)
            if style is None:
                yield text, PLAIN
                continue
            look = self._look_of.get(style)
            if look is None:
                if len(self._look_of) > 4096:
                    self._look_of.clear()
                look = self._look_of[style] = _look(style, system)
            yield text, look

    def _write_row(self, y: int, pieces: list[Piece]) -> None:
        """Write what differs of the pieces of a row, which are in order.

        Terminals differ in how wide they draw some text: what stands to the right of it is written again.
        """
        row = self._rows[y]
        before: _Row | None = None
        for x, parts in pieces:
            earlier = row.copy()
            if self._write_piece(y, x, parts) and before is None:
                before = earlier
                beyond = x + _width(parts)
                _drop_whole(row, beyond, len(row.chars))
                row.chars[beyond:] = [None] * (len(row.chars) - beyond)
        if before is not None:
            self._restore(y, before, _uncovered(pieces, len(row.chars)), beyond)

    def _restore(self, y: int, before: _Row, columns: Iterable[int], first: int = 0) -> None:
        """Write what a row showed in these columns, as far as it is known cell by cell."""
        for x in columns:
            char = before.chars[x]
            if x >= first and char is not None:
                self._write_cells(y, x, [char], [before.looks[x]])
        for x, (end, piece) in before.whole.items():
            if x >= first and not set(range(x, end)).difference(columns):
                self._write_piece(y, x, list(piece))

    def _write_piece(self, y: int, x: int, parts: list[tuple[str, Look]]) -> bool:
        """Write what differs of a piece of a row; True if it was written as a whole, of doubtful width."""
        row = self._rows[y]
        if all(_ONE_CELL.fullmatch(text) for text, _ in parts):
            chars: list[str | None] = [char for text, _ in parts for char in text]
            looks = [look for text, look in parts for _ in text]
            _drop_whole(row, x, x + len(chars))
            self._write_cells(y, x, chars, looks)
            return False
        cells = _width(parts)
        piece = tuple(parts)
        if row.whole.get(x) == (x + cells, piece):
            return False
        _drop_whole(row, x, x + cells)
        self._go(y, x)
        for text, look in parts:
            self._put(text, look)
        self._at = None
        end = min(x + cells, len(row.chars))
        row.chars[x:end] = [None] * (end - x)
        row.whole[x] = (x + cells, piece)
        return True

    def _write_cells(self, y: int, x: int, chars: list[str | None], looks: list[Look]) -> None:
        row = self._rows[y]
        room = len(row.chars) - x
        del chars[room:], looks[room:]
        end = x + len(chars)
        old_chars, old_looks = row.chars[x:end], row.looks[x:end]
        if old_chars == chars and old_looks == looks:
            return
        row.chars[x:end], row.looks[x:end] = chars, looks
        differ = [
            at
            for at, (new, old, look, before) in enumerate(
                zip(chars, old_chars, looks, old_looks, strict=True)
            )
            if new != old or (look is not before and look != before)
        ]
        start = differ[0]
        last = start
        for at in [*differ[1:], len(chars) + GAP + 1]:
            if at - last <= GAP:
                last = at
                continue
            self._write_run(y, x + start, chars[start : last + 1], looks[start : last + 1])
            start = last = at

    def _write_run(self, y: int, x: int, chars: list[str | None], looks: list[Look]) -> None:
        self._go(y, x)
        begin = 0
        for at in range(1, len(chars) + 1):
            if at == len(chars) or looks[at] != looks[begin]:
                self._put("".join(char or " " for char in chars[begin:at]), looks[begin])
                begin = at
        columns = self._size[0]
        # At the right edge terminals differ in where the cursor waits.
        self._at = (y, x + len(chars)) if x + len(chars) < columns else None

    # Moving whole rows.

    def _move_rows(self, wanted: dict[int, list[Piece]]) -> None:
        """Let the terminal move rows where a list or a text has scrolled over the whole width."""
        for first, stop in _bands(sorted(wanted)):
            if stop - first <= MOVED_ROWS:
                continue
            old = [self._rows[y].text() for y in range(first, stop)]
            new = [self._text_after(y, wanted[y]) for y in range(first, stop)]
            found = _shift(old, new)
            if found is None:
                continue
            begin, end, by = found
            rows = range(first + begin, first + end)
            beside = {y: _uncovered(wanted[y], self._size[0]) for y in rows}
            if not self._may_move(rows, by, beside):
                continue
            before = {y: self._rows[y].copy() for y in rows}
            self._move(rows.start, rows.stop, by)
            for y in rows:
                self._restore(y, before[y], beside[y])

    def _may_move(self, rows: range, by: int, beside: dict[int, list[int]]) -> bool:
        """Whether little stands beside what scrolled, as a frame or a scroll bar: it is written where it was."""
        moved_along = 0
        for y in rows:
            row = self._rows[y]
            other = self._rows[y + by] if y + by in rows else None
            if any(row.chars[x] is None for x in beside[y]):
                return False
            moved_along += sum(
                other is None or row.chars[x] != other.chars[x] or row.looks[x] != other.looks[x]
                for x in beside[y]
            )
        return moved_along <= BESIDE * len(rows)

    def _text_after(self, y: int, pieces: list[Piece]) -> str:
        chars = self._rows[y].chars.copy()
        for x, parts in pieces:
            text = "".join(part for part, _ in parts)
            chars[x : x + len(text)] = list(text)
        return "".join(char or "\x00" for char in chars[: len(self._rows[y].chars) - EDGE])

    def _move(self, first: int, stop: int, by: int) -> None:
        """Move the rows [first, stop) up by so many, or down if it is negative; the rows left behind are unknown."""
        columns = self._size[0]
        count = abs(by)
        key = "M" if by > 0 else "L"
        self._out.append(f"\x1b[{first + 1};{stop}r\x1b[{first + 1};1H\x1b[{count}{key}\x1b[r")
        self._at = None
        empty = [_Row([None] * columns, [PLAIN] * columns) for _ in range(count)]
        rows = self._rows[first:stop]
        self._rows[first:stop] = [*rows[count:], *empty] if by > 0 else [*empty, *rows[:-count]]

    # Writing.

    def _go(self, y: int, x: int) -> None:
        if self._at == (y, x):
            return
        if self._at is not None and self._at[0] == y and x > self._at[1]:
            self._out.append(f"\x1b[{x - self._at[1]}C")
        else:
            self._out.append(f"\x1b[{y + 1};{x + 1}H")

    def _put(self, text: str, look: Look) -> None:
        if look != self._look:
            self._out.append(_sgr(self._look, look))
            self._look = look
        self._out.append(text)


class Frame(CompositorUpdate):
    """An update that writes only what differs from what is painted already."""

    def __init__(self, update: CompositorUpdate, painted: Painted, size: tuple[int, int]) -> None:
        self._update = update
        self._painted = painted
        self._size = size

    def __rich_console__(self, console: Console, options: Any) -> Any:
        yield self._update

    def render_segments(self, console: Console) -> str:
        """The characters and sequences to write."""
        return self._painted.changes(self._update, self._size, console)


def _pieces(update: CompositorUpdate) -> Iterator[tuple[int, int, Strip]]:
    """The pieces of rows of an update: row, column, what stands there."""
    if isinstance(update, LayoutUpdate):
        for y, strips in enumerate(update.strips, update.region.y):
            x = update.region.x
            for strip in strips:
                yield y, x, strip
                x += strip.cell_length
    elif isinstance(update, ChopsUpdate):
        for y, first, stop in update.spans:
            for end, (x, piece) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
                if piece is not None and x <= stop and end > first:
                    yield y, x, piece if end <= stop else piece.crop(0, stop - x)


def _width(parts: Iterable[tuple[str, Look]]) -> int:
    return Strip([Segment(text) for text, _ in parts]).cell_length


def _uncovered(pieces: Iterable[Piece], columns: int) -> list[int]:
    """The columns of a row that none of the pieces draws."""
    left = set(range(columns))
    for x, parts in pieces:
        left.difference_update(range(x, x + _width(parts)))
    return sorted(left)


def _drop_whole(row: _Row, start: int, stop: int) -> None:
    """Forget the pieces that overlap these cells: what is left of them is not known."""
    for x, (end, _) in list(row.whole.items()):
        if x < stop and end > start:
            del row.whole[x]
            row.chars[x:end] = [None] * (min(end, len(row.chars)) - x)


def _bands(rows: list[int]) -> Iterator[tuple[int, int]]:
    """Runs of rows without a hole, as [first, stop)."""
    begin = 0
    for at in range(1, len(rows) + 1):
        if at == len(rows) or rows[at] != rows[at - 1] + 1:
            yield rows[begin], rows[at - 1] + 1
            begin = at


def _shift(old: list[str], new: list[str]) -> tuple[int, int, int] | None:
    """The rows [first, stop) and how far up (down if negative) they should be moved; None if that saves nothing."""
    stays = [one == other for one, other in zip(old, new, strict=True)]
    places: dict[str, list[int]] = {}
    for at, text in enumerate(old):
        if text.strip(" \x00│"):
            places.setdefault(text, []).append(at)
    counts: dict[int, list[int]] = {}
    for at, text in enumerate(new):
        for place in places.get(text, ()):
            if place != at and not stays[at]:
                counts.setdefault(place - at, []).append(at)
    if not counts:
        return None
    by, matched = max(counts.items(), key=lambda one: len(one[1]))
    low, high = matched[0], matched[-1]
    first, stop = (low, high + 1 + by) if by > 0 else (low + by, high + 1)
    lost = sum(stays[at] for at in range(first, stop))
    if len(matched) - lost < MOVED_ROWS:
        return None
    return first, stop, by


def _look(style: Style, system: Any) -> Look:
    attributes = style._attributes & style._set_attributes
    numbers = [code for bit, code in _ATTRIBUTES.items() if attributes & (1 << bit)]
    colours = [
        ";".join(colour.downgrade(system).get_ansi_codes(front)) if colour is not None else ""
        for colour, front in ((style.color, True), (style.bgcolor, False))
    ]
    return (";".join(numbers), colours[0], colours[1])


_ATTRIBUTES = {0: "1", 1: "2", 2: "3", 3: "4", 4: "5", 5: "6", 6: "7", 7: "8", 8: "9", 9: "21"}


def _sgr(old: Look, new: Look) -> str:
    """The sequence that leads from one look to another."""
    if new == PLAIN:
        return "\x1b[0m"
    if old[0] != new[0]:
        return f"\x1b[{';'.join(one for one in ('0' if old != PLAIN else '', *new) if one)}m"
    numbers = []
    if old[1] != new[1]:
        numbers.append(new[1] or "39")
    if old[2] != new[2]:
        numbers.append(new[2] or "49")
    return f"\x1b[{';'.join(numbers)}m"
