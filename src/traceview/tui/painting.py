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

from traceview.tui.strokes import PLAIN, Look, Stroke, blank_look, differing, drawn, of_one_look

Piece = tuple[int, list[tuple[str, Look]]]
"""A column, and what is drawn from there."""
MOVED_ROWS = 4
"""Rows that a move must save."""
EDGE = 2
"""Cells at the right that are not compared when rows may have moved: a scroll bar stays."""
PANES = 3
"""Columns that are looked at for a text that has scrolled."""
_ONE_CELL = re.compile(
    "[\x20-\x7e\u00a1-\u00ac\u00ae-\u02ff\u0370-\u0377\u03a3-\u03ff\u0410-\u044f"
    "\u2010-\u2027\u2030-\u205e\u2190-\u2193\u2500-\u257f\u2580-\u259f\u2800-\u28ff"
    "\u21b3\u22ef\u25a0\u25b2\u25b3\u25b8\u25bc-\u25be\u25c6-\u25c8\u25cb\u25cf\u2713\u2717\u29d7]*"
)
"""Text of which every terminal agrees that each character takes one cell: our own signs are of it, as the whole layout
is drawn with them. Everything else is written in one piece."""

_ACTS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What no widget draws: it would move the cursor or turn the line around. The last place to stop it."""


@dataclass(slots=True)
class _Row:
    """The cells of a row; None where that is not known cell by cell."""

    chars: list[str | None]
    looks: list[Look]
    whole: dict[int, tuple[int, tuple[tuple[str, Look], ...]]] = field(default_factory=dict)
    """Pieces that are written whole: where they begin, where they end, and what they are."""

    @classmethod
    def unknown(cls, columns: int) -> _Row:
        """A row of which nothing is known."""
        return cls([None] * columns, [PLAIN] * columns)

    def text(self) -> str:
        """What stands in it, a character for each cell, to be compared with others."""
        chars = self.chars.copy()
        for x, (end, parts) in self.whole.items():
            cells = len(chars[x:end])
            chars[x:end] = "".join(text for text, _ in parts)[:cells].ljust(cells)
        return "".join(char or "\x00" for char in chars)

    @property
    def known(self) -> bool:
        """Whether it could be written."""
        covered = {at for x, (end, _) in self.whole.items() for at in range(x, end)}
        return all(char is not None or at in covered for at, char in enumerate(self.chars))


class Painted:
    """The cells that a terminal shows. `changes` says what to write for another frame.

    `erases` tells that the terminal fills cells that are erased with the background colour of now.
    """

    def __init__(self, *, erases: bool = False) -> None:
        self._erases = erases
        self._rows: list[_Row] = []
        self._size = (0, 0)
        self._look_of: dict[Style, Look] = {}
        self._owed: dict[int, _Row] = {}

    def forget(self) -> None:
        """What the terminal shows is not known any more."""
        self._size = (0, 0)

    @property
    def owes(self) -> bool:
        """Whether something of the frames before was not written yet."""
        return bool(self._owed)

    def changes(
        self, update: CompositorUpdate, size: tuple[int, int], console: Console, at_most: int | None = None
    ) -> str:
        """What to write so that a terminal of (columns, rows) shows this update too.

        If that takes more than `at_most` bytes, the rest of the rows is owed: it comes with the next changes.
        """
        columns, rows = size
        if size != self._size:
            self._size = size
            self._rows = [_Row.unknown(columns) for _ in range(rows)]
            self._owed.clear()
        system = console._color_system or ColorSystem.TRUECOLOR
        pieces: dict[int, list[Piece]] = {}
        for y, x, strip in _pieces(update):
            if 0 <= y < rows and 0 <= x < columns:
                pieces.setdefault(y, []).append((x, [*self._parts(strip, system)]))
        # Of a piece that is drawn as a whole no part can be drawn: it is before something comes over it.
        due = {y: row for y, row in self._owed.items() if y in pieces and row.whole}
        before = self._difference(self._rows, due)
        for y in due:
            self._rows[y] = self._owed.pop(y)
        # What changes now is written before what is owed.
        wanted = {
            y: _overlaid(self._owed.get(y, self._rows[y]), sorted(row, key=lambda piece: piece[0]))
            for y, row in pieces.items()
        }
        wanted |= {y: row for y, row in self._owed.items() if y not in wanted}
        shown, move = self._rows, ""
        written = self._difference(shown, wanted)
        # Where a list or a text has scrolled, the terminal moves the rows if less is to be written then.
        for first, stop, by in self._scrolled(wanted, _panes(pieces, columns)):
            moved, sequence = self._moved(first, stop, by)
            other = sequence + self._difference(moved, wanted)
            if len(other) < len(written):
                shown, move, written = moved, sequence, other
        self._owed = {}
        if at_most is not None and len(written.encode()) > at_most:
            wanted, self._owed = self._part(shown, wanted, at_most - len(move))
            written = move + self._difference(shown, wanted)
        self._rows = shown
        for y, row in wanted.items():
            self._rows[y] = row
        return before + written

    def _moved(self, first: int, stop: int, by: int) -> tuple[list[_Row], str]:
        """What is shown once the terminal has moved the rows [first, stop) up by so many, and how to tell it."""
        count = abs(by)
        empty = [_Row.unknown(self._size[0]) for _ in range(count)]
        kept = self._rows[first:stop]
        rows = [*kept[count:], *empty] if by > 0 else [*empty, *kept[:-count]]
        sequence = f"\x1b[{first + 1};{stop}r\x1b[{first + 1};1H\x1b[{count}{'M' if by > 0 else 'L'}\x1b[r"
        return [*self._rows[:first], *rows, *self._rows[stop:]], sequence

    def _part(
        self, shown: list[_Row], wanted: dict[int, _Row], at_most: int
    ) -> tuple[dict[int, _Row], dict[int, _Row]]:
        """As many of the rows as fit into so many bytes, at least one, and the rest."""
        part: dict[int, _Row] = {}
        for y, row in wanted.items():
            at_most -= len(self._difference(shown, {y: row}).encode())
            if at_most < 0 and part:
                break
            part[y] = row
        return part, {y: row for y, row in wanted.items() if y not in part}

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

    def _difference(self, shown: list[_Row], wanted: dict[int, _Row]) -> str:
        loose: list[Stroke] = []
        fixed: list[Stroke] = []
        for y, row in wanted.items():
            old = shown[y]
            if row.whole and any(old.whole.get(x) != piece for x, piece in row.whole.items()):
                fixed.extend(_with_pieces(y, old, row))
            else:
                loose.extend(differing(y, old.chars, old.looks, row.chars, row.looks))
        return drawn(loose, self._size[0], fixed=fixed, erases=self._erases)

    def _scrolled(
        self, wanted: dict[int, _Row], panes: Iterable[tuple[int, int]]
    ) -> Iterator[tuple[int, int, int]]:
        """Rows that may have moved: [first, stop), and how far up (down if negative).

        The text of one of the panes, given by columns, tells it; the terminal moves what stands beside it too.
        """
        for first, stop in _bands(sorted(wanted)):
            if stop - first <= MOVED_ROWS:
                continue
            old = [self._rows[y].text() for y in range(first, stop)]
            new = [wanted[y].text() for y in range(first, stop)]
            for begin, end in panes:
                found = _shift([text[begin:end] for text in old], [text[begin:end] for text in new])
                # What is not known could not be written again beside the rows that moved.
                if found is not None and all(wanted[first + y].known for y in range(*found[:2])):
                    yield first + found[0], first + found[1], found[2]


def fills_erased_cells() -> bool:
    """Whether the terminal says (terminfo) that it can erase cells, and fills them with the background of now."""
    try:
        import curses

        curses.setupterm()
    except (ImportError, OSError, ValueError):
        return False
    except curses.error:
        return False
    return curses.tigetflag("bce") > 0 and curses.tigetstr("ech") == b"\x1b[%p1%dX"


class Frame(CompositorUpdate):
    """An update that writes only what differs from what is painted already."""

    def __init__(
        self, update: CompositorUpdate, painted: Painted, size: tuple[int, int], at_most: int | None = None
    ) -> None:
        self._update = update
        self._painted = painted
        self._size = size
        # Another screen is written at once.
        self._at_most = at_most if isinstance(update, ChopsUpdate) else None

    def __rich_console__(self, console: Console, options: Any) -> Any:
        yield self._update

    def render_segments(self, console: Console) -> str:
        """The characters and sequences to write."""
        return self._painted.changes(self._update, self._size, console, self._at_most)


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


def _overlaid(shown: _Row, pieces: Iterable[Piece]) -> _Row:
    """A row as it should be: what it shows, and over it the pieces, which are in order."""
    row = _Row(shown.chars.copy(), shown.looks.copy(), shown.whole.copy())
    for x, parts in pieces:
        doubtful = [at for at, (text, _) in enumerate(parts) if not _ONE_CELL.fullmatch(text)]
        if not doubtful:
            _overlay_cells(row, x, parts)
            continue
        first, last = doubtful[0], doubtful[-1] + 1
        begin = _overlay_cells(row, x, parts[:first])
        end = begin + Strip([Segment(text) for text, _ in parts[first:last]]).cell_length
        _drop_whole(row, begin, end)
        stop = min(end, len(row.chars))
        row.chars[begin:stop] = [None] * (stop - begin)
        row.looks[begin:stop] = [PLAIN] * (stop - begin)
        row.whole[begin] = (end, tuple(parts[first:last]))
        _overlay_cells(row, end, parts[last:])
    return row


def _overlay_cells(row: _Row, x: int, parts: list[tuple[str, Look]]) -> int:
    """Set the cells of texts in which each character takes one; the column behind them."""
    room = len(row.chars) - x
    chars = [char for text, _ in parts for char in text]
    looks: list[Look] = []
    for text, look in parts:
        blank = blank_look(look)
        if blank == look or " " not in text:
            looks += [look] * len(text)
        else:
            looks += [blank if char == " " else look for char in text]
    end = x + len(chars)
    if chars and room > 0:
        _drop_whole(row, x, end)
        row.chars[x : min(end, x + room)] = chars[:room]
        row.looks[x : min(end, x + room)] = looks[:room]
    return end


def _with_pieces(y: int, old: _Row, row: _Row) -> Iterator[Stroke]:
    """The strokes of a row in which pieces of doubtful width are new: what stands right of them is written again."""
    first = min(x for x, piece in row.whole.items() if old.whole.get(x) != piece)
    yield from differing(y, old.chars[:first], old.looks[:first], row.chars[:first], row.looks[:first])
    x = first
    while x < len(row.chars):
        if x in row.whole:
            end, parts = row.whole[x]
            for number, (text, look) in enumerate(parts):
                yield Stroke(y, x, text, look, goes_on=number > 0, doubtful=True)
            x = end
            continue
        stop = x
        while stop < len(row.chars) and row.chars[stop] is not None:
            stop += 1
        if stop > x:
            yield from of_one_look(y, x, row.chars[x:stop], row.looks[x:stop])
        x = max(stop, x + 1)


def _drop_whole(row: _Row, start: int, stop: int) -> None:
    """Forget the pieces that overlap these cells: what is left of them is not known."""
    for x, (end, _) in list(row.whole.items()):
        if x < stop and end > start:
            del row.whole[x]
            row.chars[x:end] = [None] * (min(end, len(row.chars)) - x)


def _panes(pieces: dict[int, list[Piece]], columns: int) -> list[tuple[int, int]]:
    """The columns of what is drawn in many rows, the most first; the right edge may be a scroll bar, which stays."""
    rows: dict[tuple[int, int], int] = {}
    for row in pieces.values():
        for x, parts in row:
            pane = (x, min(columns - EDGE, x + sum(len(text) for text, _ in parts)))
            rows[pane] = rows.get(pane, 0) + 1
    many = [pane for pane, count in rows.items() if count > MOVED_ROWS and pane[1] - pane[0] > EDGE]
    return sorted(many, key=lambda pane: -rows[pane])[:PANES]


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
