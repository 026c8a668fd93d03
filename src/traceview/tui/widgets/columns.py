"""Columns of a virtual list: how the width of the pane is shared out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

GAP = 2
"""Blank cells between two columns."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A text that is safe to draw, and the part of the list's style it is drawn in (None: plain)."""

    text: str
    part: str | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    A fixed column takes `width` cells, a flexible one (`flex` > 0) at least `width` and its share of what
    is left. Where not all fit, columns leave in order of `rank`, the highest first; rank 0 never leaves.
    `sort` is the field that the column sorts by. The header says how many `counted` columns are hidden.
    """

    key: str
    title: str
    width: int
    flex: int = 0
    align: Literal["left", "right"] = "left"
    rank: int = 0
    sort: str | None = None
    counted: bool = False


@dataclass(frozen=True, slots=True)
class Placed:
    """A column with the cells it got."""

    column: Column
    cells: int


def place(columns: Sequence[Column], room: int) -> tuple[Placed, ...]:
    """Share `room` cells among the columns, gaps included."""
    kept = list(columns)
    while len(kept) > 1 and _needed(kept) > room:
        last = max(kept, key=lambda column: column.rank)
        if last.rank == 0:
            break
        kept.remove(last)
    spare = max(0, room - _needed(kept))
    shares = sum(column.flex for column in kept)
    placed = []
    for column in kept:
        extra = 0
        if column.flex:
            extra = spare * column.flex // shares
            spare -= extra
            shares -= column.flex
        placed.append(Placed(column, column.width + extra))
    return tuple(placed)


def column_at(placed: Sequence[Placed], x: int) -> Column | None:
    """The column that stands at a cell, counted from the first column, with the gap behind it; None past all."""
    start = 0
    for one in placed:
        if start <= x < start + one.cells + GAP:
            return one.column
        start += one.cells + GAP
    return None


def _needed(columns: Sequence[Column]) -> int:
    return sum(column.width for column in columns) + GAP * (len(columns) - 1)
