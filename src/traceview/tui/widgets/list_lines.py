"""How a virtual list looks: its styles, and the segments of its header and its rows. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rich.segment import Segment
from rich.style import Style

from traceview.text.cells import pad, truncate, width
from traceview.text.wrap import wrap
from traceview.tui.glyphs import BAD, EIGHTHS, MORE
from traceview.tui.widgets.columns import GAP, Cell, Column, Placed

Styles = Callable[[str], Style]
"""The style of a part of the list."""

GUTTER = 2
LEAD = 4
"""What part of a cell stands before its first hit, where the text does not begin at its beginning."""
PARTS = (
    "cursor",
    "header",
    "sorted",
    "dim",
    "faint",
    "error",
    "good",
    "accent",
    "mark",
    "bar",
    "warning",
    "machine",
    "hit",
)
"""What has a style of its own; `base` is drawn as the list itself."""

CSS = """
    VirtualList {
        background: $background;
        overflow-x: hidden;
        overflow-y: scroll;
        scrollbar-size-vertical: 1;
        & .virtual-list--cursor { background: $cursor-blurred; }
        & .virtual-list--header { color: $dim; }
        & .virtual-list--sorted { color: $foreground; text-style: bold; }
        & .virtual-list--dim { color: $dim; }
        & .virtual-list--faint { color: $faint; }
        & .virtual-list--error { color: $text-error; }
        & .virtual-list--good { color: $text-success; }
        & .virtual-list--accent { color: $text-primary; }
        & .virtual-list--mark { color: $text-warning; text-style: bold; }
        & .virtual-list--bar { color: $primary; }
        & .virtual-list--warning { color: $text-warning; }
        & .virtual-list--machine { color: $text-secondary; text-style: italic; }
        & .virtual-list--hit { background: $hit; }
        &:focus .virtual-list--cursor { background: $cursor; }
    }
"""


def header_segments(
    placed: Sequence[Placed], columns: Sequence[Column], sort: tuple[str, bool] | None, style_of: Styles
) -> list[Segment]:
    """The titles of the placed ones of the columns, the sorted one with an arrow (`sort`: field, descending)."""
    segments = [Segment(" " * GUTTER)]
    hidden = sum(column.counted for column in columns)
    hidden -= sum(one.column.counted for one in placed)
    widest = max(placed, key=lambda one: one.cells, default=None)
    for one in placed:
        column = one.column
        title, part = column.title, "header"
        if sort is not None and column.sort == sort[0]:
            title, part = f"{title} {'▼' if sort[1] else '▲'}", "sorted"
        room = one.cells - one.bar
        if one.bar:
            segments.append(Segment(pad(title, room, column.align), style_of(part)))
            segments.append(Segment(" " * one.bar))
        elif hidden and one is widest:
            # Said where there is room for it, so that it pushes no column out itself.
            more = f" ({hidden} more score{'s' if hidden > 1 else ''})"
            if width(more) + width(title) + 1 > room:
                more = f" (+{hidden})"
            room = max(0, room - width(more))
            segments.append(Segment(pad(title, room, column.align), style_of(part)))
            segments.append(Segment(more, style_of("faint")))
        else:
            segments.append(Segment(pad(title, room, column.align), style_of(part)))
        segments.append(Segment(" " * GAP))
    return segments


def bar(share: float, cells: int) -> str:
    """A bar of so many cells filled to a share (0..1), in eighths of a cell; the least that is more than none."""
    eighths = max(1, round(share * cells * 8))
    whole, rest = divmod(eighths, 8)
    return EIGHTHS[8] * whole + (EIGHTHS[rest] if rest else "")


def empty_line(text: str, y: int, cells: int) -> tuple[str, str]:
    """Line `y` of the pane of a list without rows, and its part: the text wrapped; what begins as an error is one."""
    part = "error" if text.startswith(BAD) else "dim"
    room = max(1, cells - 2 * GUTTER)
    lines = [
        one[start:end].rstrip("\n")
        for one in text.split("\n")
        for start, end in (wrap(one, room) if one else [(0, 0)])
    ]
    at = y - 2
    return (" " * GUTTER + lines[at] if 0 <= at < len(lines) else ""), part


def row_segments(
    placed: Sequence[Placed],
    cells: Mapping[str, Cell] | None,
    *,
    marked: bool,
    under_cursor: bool,
    style_of: Styles,
) -> list[Segment]:
    """A row by the cells of its columns; None draws the placeholder of a row that is being fetched."""
    segments = [Segment("▌", style_of("bar")) if under_cursor else Segment(" ")]
    if cells is None:
        segments.append(Segment(" "))
        for one in placed:
            dots = "·" * min(one.cells, 6)
            segments.append(Segment(pad(dots, one.cells, one.column.align), style_of("faint")))
            segments.append(Segment(" " * GAP))
        return segments
    segments.append(Segment("●", style_of("mark")) if marked else Segment(" "))
    for one in placed:
        cell = cells.get(one.column.key)
        style, room = style_of(cell.part) if cell and cell.part else None, one.cells - one.bar
        if cell and cell.hits:
            segments += _with_hits(cell, room, style, style_of("hit"))
        else:
            segments.append(Segment(pad(cell.text if cell else "", room, one.column.align), style))
        if one.bar:
            filled = bar(cell.share, one.bar - 1) if cell and cell.share else ""
            segments.append(Segment(" " + pad(filled, one.bar - 1), style_of("faint") if filled else None))
        segments.append(Segment(" " * GAP))
    return segments


def _with_hits(cell: Cell, room: int, style: Style | None, hit: Style) -> list[Segment]:
    """A cell with its hits marked; where the first of them has no room, the text begins a little before it."""
    text, hits = cell.text, cell.hits
    if width(text[: hits[0][1]]) >= room:
        begin = max(0, hits[0][0] - room // LEAD)
        text = MORE + text[begin:]
        hits = tuple((start - begin + len(MORE), end - begin + len(MORE)) for start, end in hits)
    length, padded = len(truncate(text, room)), pad(text, room)
    segments, at = [], 0
    for start, end in hits:
        end = min(end, length)
        if start < end:
            segments.append(Segment(padded[at:start], style))
            segments.append(Segment(padded[start:end], hit if style is None else style + hit))
            at = end
    segments.append(Segment(padded[at:], style))
    return [one for one in segments if one.text]
