"""Columns of a virtual list: how the width of the pane is shared out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

GAP = 2
"""Blank cells between two columns."""
BAR_RANK = 8
"""When bars leave, the last one first: after the columns of a higher rank, before the others."""
TEXT_ROOM = 8
"""Cells that flexible columns have beyond their least ones, together, before any bar is drawn."""


class Cell(Struct, frozen=True):
    """A text that is safe to draw, and the part of the list's style it is drawn in (None: plain).

    `share` (0..1) is how far the bar beside it is filled, where its column has one; None draws none. `hits` are the
    pieces (start, end) of the text that were searched for.
    """

    text: str
    part: str | None = None
    share: float | None = None
    hits: tuple[tuple[int, int], ...] = ()


class Column(Struct, frozen=True):
    """One column.

    A fixed column takes `width` cells, a flexible one (`flex` > 0) at least `width` and its share of what
    is left. Where not all fit, columns leave in order of `rank`, the highest first; rank 0 never leaves.
    `sort` is the field that the column sorts by. The header says how many `counted` columns are hidden. `bar` cells
    behind the text are a bar, where there is room to spare.
    """

    key: str
    title: str
    width: int
    flex: int = 0
    align: Literal["left", "right"] = "left"
    rank: int = 0
    sort: str | None = None
    counted: bool = False
    bar: int = 0


class Placed(Struct, frozen=True):
    """A column with the cells it got, the last `bar` of them for its bar."""

    column: Column
    cells: int
    bar: int = 0


def place(columns: Sequence[Column], room: int) -> tuple[Placed, ...]:
    """Share `room` cells among the columns, gaps included."""
    kept = list(columns)
    bars = {column.key: column.bar + 1 for column in columns if column.bar}
    while _needed(kept, bars) > room:
        last = max(kept, key=lambda column: column.rank)
        if bars and last.rank <= BAR_RANK:
            bars.popitem()
        elif last.rank and len(kept) > 1:
            kept.remove(last)
            bars.pop(last.key, None)
        else:
            break
    while bars and any(column.flex for column in kept) and room - _needed(kept, bars) < TEXT_ROOM:
        bars.popitem()
    spare = max(0, room - _needed(kept, bars))
    shares = sum(column.flex for column in kept)
    placed = []
    for column in kept:
        extra = 0
        if column.flex:
            extra = spare * column.flex // shares
            spare -= extra
            shares -= column.flex
        bar = bars.get(column.key, 0)
        placed.append(Placed(column, column.width + extra + bar, bar))
    return tuple(placed)


def column_at(placed: Sequence[Placed], x: int) -> Column | None:
    """The column that stands at a cell, counted from the first column, with the gap behind it; None past all."""
    start = 0
    for one in placed:
        if start <= x < start + one.cells + GAP:
            return one.column
        start += one.cells + GAP
    return None


def _needed(columns: Sequence[Column], bars: Mapping[str, int]) -> int:
    return sum(column.width for column in columns) + sum(bars.values()) + GAP * (len(columns) - 1)
