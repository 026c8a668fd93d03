"""Strokes: pieces of text at places of the screen, and the fewest bytes that draw them.

A change of colours takes more bytes than a move of the cursor: what looks alike is drawn one after another, wherever it
stands, if that is shorter. A blank has no colour but that behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from msgspec import Struct

Look = tuple[str, str, str]
"""Attributes, foreground and background, each as the numbers of an SGR sequence."""

PLAIN: Look = ("", "", "")
GAP = 6
"""Unchanged cells between two changed ones that are cheaper written again than skipped."""
ERASED = 8
"""Blanks at the end of a stroke for which there is a shorter sequence."""
_SEEN_ON_BLANKS = frozenset({"4", "5", "6", "7", "9", "21"})
"""Attributes that are seen where nothing is written: lines, reversed colours, blinking."""
_OFF = {
    "1": "22",
    "2": "22",
    "3": "23",
    "4": "24",
    "5": "25",
    "6": "25",
    "7": "27",
    "8": "28",
    "9": "29",
    "21": "24",
}


class Stroke(Struct, frozen=True):
    """Text of one look from a cell on, or where the one before it ended; each character takes one cell."""

    y: int
    x: int
    text: str
    look: Look
    goes_on: bool = False
    doubtful: bool = False
    """Terminals differ in how wide they draw it."""


@lru_cache(8192)
def blank_look(look: Look) -> Look:
    """What is seen of a look where a blank stands."""
    if look[0] and not _SEEN_ON_BLANKS.isdisjoint(look[0].split(";")):
        return look
    return ("", "", look[2])


def differing(
    y: int,
    old: Sequence[str | None],
    old_looks: Sequence[Look],
    new: Sequence[str | None],
    looks: Sequence[Look],
) -> Iterator[Stroke]:
    """The strokes that make a row look as it should; cells that are None in the new one are left alone."""
    if old == new and old_looks == looks:
        return
    differ = [
        at
        for at, char in enumerate(new)
        if char is not None
        and (char != old[at] or (looks[at] is not old_looks[at] and looks[at] != old_looks[at]))
    ]
    if not differ:
        return
    start = last = differ[0]
    for at in [*differ[1:], len(new) + GAP + 1]:
        if at == last + 1 or (at - last <= GAP and _alike(new, looks, last, at)):
            last = at
            continue
        yield from of_one_look(y, start, new[start : last + 1], looks[start : last + 1])
        start = last = at


def _alike(chars: Sequence[str | None], looks: Sequence[Look], first: int, stop: int) -> bool:
    """Whether the cells between can be written with the colours of the first."""
    look = looks[first]
    return all(
        chars[at] is not None and looks[at] in (look, blank_look(look)) for at in range(first + 1, stop)
    )


def of_one_look(y: int, x: int, chars: Sequence[str | None], looks: Sequence[Look]) -> Iterator[Stroke]:
    """Known cells as strokes; blanks, which have the look of a blank, join what stands beside them."""
    begin, look, blank = 0, looks[0], chars[0] == " "
    for at in range(1, len(chars)):
        wanted, is_blank = looks[at], chars[at] == " "
        if wanted == look or (is_blank and wanted == blank_look(look)):
            blank = blank and is_blank
            continue
        if blank and look == blank_look(wanted):
            look, blank = wanted, False
            continue
        yield Stroke(y, x + begin, "".join(char or " " for char in chars[begin:at]), look)
        begin, look, blank = at, wanted, is_blank
    yield Stroke(y, x + begin, "".join(char or " " for char in chars[begin:]), look)


def drawn(
    strokes: Iterable[Stroke], columns: int, *, fixed: Iterable[Stroke] = (), erases: bool = False
) -> str:
    """What to write for strokes that may be drawn in any order, and before them for those that may not.

    `erases` tells that the terminal fills cells that are erased with the background colour of now.
    """
    loose = list(strokes)
    first = list(fixed)
    in_order = _Pen(columns, erases=erases).draw([*first, *loose])
    alike: dict[Look, list[Stroke]] = {}
    for one in loose:
        alike.setdefault(one.look, []).append(one)
    if len(alike) == len(loose):
        return in_order
    grouped = [one for look in sorted(alike, key=_order) for one in alike[look]]
    by_look = _Pen(columns, erases=erases).draw([*first, *grouped])
    return min(in_order, by_look, key=len)


def _order(look: Look) -> tuple[str, bool, str, bool, str]:
    """Looks on the same background together; those of mere blanks after one in whose colours they can be drawn."""
    attributes, front, behind = look
    return behind, blank_look(look) == look and bool(attributes), attributes, not front, front


class _Pen:
    """Where the cursor is, and in which colours it writes."""

    def __init__(self, columns: int, *, erases: bool) -> None:
        self._columns = columns
        self._erases = erases
        self._out: list[str] = []
        self._look = PLAIN
        self._at: tuple[int, int] | None = None

    def draw(self, strokes: Iterable[Stroke]) -> str:
        """What to write."""
        for one in strokes:
            if not one.goes_on:
                self._go(one.y, one.x)
            bare = one.text.rstrip(" ")
            blanks = len(one.text) - len(bare)
            # Blanks can be drawn in any colours on the same background.
            if bare or blank_look(self._look) != one.look:
                self._colour(one.look)
            plain = blank_look(one.look)[0] == ""
            if self._erases and blanks >= ERASED and plain and not one.doubtful:
                self._out.append(f"{bare}\x1b[{blanks}X")
                written = len(bare)
            else:
                self._out.append(one.text)
                written = len(one.text)
            # At the right edge terminals differ in where the cursor waits.
            end = one.x + written
            self._at = (one.y, end) if end < self._columns and not one.doubtful else None
        if self._look != PLAIN:
            self._out.append("\x1b[0m")
        return "".join(self._out)

    def _go(self, y: int, x: int) -> None:
        if self._at == (y, x):
            return
        row, column = self._at or (-1, -1)
        if row == y and x > column:
            count = x - column
            self._out.append("\x1b[C" if count == 1 else f"\x1b[{count}C")
        elif column == x and y > row >= 0:
            count = y - row
            self._out.append("\x1b[B" if count == 1 else f"\x1b[{count}B")
        else:
            self._out.append(f"\x1b[{y + 1}H" if x == 0 else f"\x1b[{y + 1};{x + 1}H")

    def _colour(self, look: Look) -> None:
        if look != self._look:
            self._out.append(sgr(self._look, look))
            self._look = look


@lru_cache(8192)
def sgr(old: Look, new: Look) -> str:
    """The shortest sequence that leads from one look to another."""
    if new == PLAIN:
        return "\x1b[0m"
    anew = ";".join(one for one in ("0" if old != PLAIN else "", *new) if one)
    has, wants = _attributes(old), _attributes(new)
    off = dict.fromkeys(_OFF[one] for one in has if one not in wants)
    # Bold and faint are put off together, as are lines of either kind.
    on = [one for one in wants if one not in has or _OFF[one] in off]
    numbers = [*off, *on]
    if old[1] != new[1]:
        numbers.append(new[1] or "39")
    if old[2] != new[2]:
        numbers.append(new[2] or "49")
    return f"\x1b[{min(anew, ';'.join(numbers), key=len)}m"


def _attributes(look: Look) -> list[str]:
    return look[0].split(";") if look[0] else []
