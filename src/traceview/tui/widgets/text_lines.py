"""How the virtual text pane looks: its styles, and the segments of a line of a block. Pure."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence

from rich.segment import Segment
from rich.style import Style

from traceview.text.cells import fit, pad, truncate, width
from traceview.text.safe import safe_line
from traceview.tui.glyphs import BAD
from traceview.tui.widgets.block_layout import Layout, Place
from traceview.tui.widgets.blocks import Block

Styles = Callable[[str], Style]
"""The style of a part of the pane."""

_JSON = re.compile(
    r'(?P<key>"[^"\\]*+(?:\\.[^"\\]*+)*+")(?=:)|(?P<string>"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|$))'
    r"|(?P<number>-?[0-9][0-9.eE+-]*+)|(?P<literal>true|false|null|NaN|-?Infinity)"
)
FIGURE = " · "
"""Between the figures at the right of a divider."""
KEPT = 22
"""Cells of what stands behind the first words of a divider that its figures leave it: when it was."""
_JSON_BEFORE = 4_000
"""Characters of a JSON line before what is drawn that are looked at to find out what it is part of."""
PARTS = (
    "heading",
    "divider",
    "meta",
    "json",
    "user",
    "assistant",
    "system",
    "tool",
    "reasoning",
    "error",
    "note",
    "label",
    "key",
    "string",
    "number",
    "literal",
    "added",
    "removed",
    "fact",
    "fact-unsourced",
    "fact-current",
    "cursor",
    "hit",
    "hit-current",
    "bold",
    "italic",
    "bold-italic",
    "strike",
    "code",
    "link",
    "address",
    "mark",
)
"""What has a style of its own; `base` and `text` are drawn as the pane itself."""

CSS = """
    TextView {
        background: $background;
        overflow-x: hidden;
        overflow-y: scroll;
        scrollbar-size-vertical: 1;
        scrollbar-background: $background;
        scrollbar-background-hover: $background;
        scrollbar-background-active: $background;
        scrollbar-color: $panel;
        scrollbar-color-hover: $faint;
        scrollbar-color-active: $faint;
        & .text-view--heading { color: $primary; text-style: bold; }
        & .text-view--divider { color: $dim; }
        & .text-view--meta { color: $dim; }
        & .text-view--label { color: $dim; }
        & .text-view--key { color: $primary; }
        & .text-view--string { color: $foreground; }
        & .text-view--number { color: $accent; }
        & .text-view--literal { color: $secondary; }
        & .text-view--json { color: $dim; }
        & .text-view--added { color: $success; text-style: bold; }
        & .text-view--removed { color: $error; text-style: strike; }
        & .text-view--fact { text-style: underline; }
        & .text-view--fact-unsourced { color: $warning; text-style: bold underline; }
        & .text-view--fact-current { background: $primary; color: $background; text-style: bold; }
        & .text-view--user { color: $accent; text-style: bold; }
        & .text-view--assistant { color: $primary; text-style: bold; }
        & .text-view--system { color: $dim; }
        & .text-view--tool { color: $secondary; }
        & .text-view--reasoning { color: $dim; text-style: italic; }
        & .text-view--error { color: $error; }
        & .text-view--note { color: $warning; }
        & .text-view--cursor { color: $primary; }
        & .text-view--bold { text-style: bold; }
        & .text-view--italic { text-style: italic; }
        & .text-view--bold-italic { text-style: bold italic; }
        & .text-view--strike { color: $dim; text-style: strike; }
        & .text-view--code { color: $secondary; }
        & .text-view--link { color: $primary; }
        & .text-view--address { color: $dim; text-style: underline; }
        & .text-view--mark { color: $faint; }
        & .text-view--hit { background: $hit; }
        & .text-view--hit-current { background: $warning; color: $background; text-style: bold; }
    }
"""


def line_segments(
    layout: Layout,
    place: Place,
    hit: int,
    room: int,
    style_of: Styles,
    spots: Sequence[tuple[int, int, str]] = (),
) -> list[Segment]:
    """A line of a block in `room` cells; `hit` is the number of the current hit of a search, -1 for none.

    `spots` are `(start, end, part)` of the line that are drawn as these parts, over everything but hits.
    """
    block = layout.block(place.index)
    if place.line < 0:
        return [Segment("", style_of("base"))]
    style = style_of(block.style)
    if block.style == "divider":
        return [Segment(_divider(block, room), style)]
    segments = []
    if block.indent:
        before = block.label if place.line == 0 else block.hang
        segments.append(Segment(pad(safe_line(before), block.indent), style_of("label")))
        room -= block.indent
    text = layout.text(place)
    right = safe_line(block.right) if place.line == 0 else ""
    folded = layout.is_folded(place.index)
    if folded or not text.isprintable():
        text = safe_line(text)
    marks = layout.marks(place) if layout.searching_for and not folded else []
    if right and not marks:
        room = max(8, room - width(right) - 1)
    whole = text
    if block.clip and not folded and not fits(text, room):
        text = text[: fit(text, max(1, room - 8))]
        missing = f"… +{len(whole) - len(text):,}"
        segments.extend(_runs(layout, place, hit, text, marks, style, style_of, spots))
        return [*segments, Segment(missing, style_of("mark"))]
    if not marks:
        text = truncate(text, room)
    segments.extend(_runs(layout, place, hit, text, marks, style, style_of, spots))
    if right and not marks:
        blank = " " * max(0, room - width(text))
        return [*segments, Segment(f"{blank} ", style), Segment(right, style_of("meta"))]
    return segments


def fits(text: str, cells: int) -> bool:
    """True if a text needs no more cells; a long one is not measured to its end."""
    return fit(text, cells) == len(text)


def _runs(
    layout: Layout,
    place: Place,
    hit: int,
    text: str,
    marks: Sequence[tuple[int, int]],
    style: Style,
    style_of: Styles,
    spots: Sequence[tuple[int, int, str]],
) -> list[Segment]:
    """The text of a line in its styles: hits over spots over what the block marks over the block's own."""
    block = layout.block(place.index)
    pieces: list[tuple[int, int, Style]] = []
    if block.marks and not layout.is_folded(place.index):
        start, _ = layout.span(place)
        at = bisect_right(block.marks, start, key=lambda mark: mark[1])
        while at < len(block.marks) and block.marks[at][0] < start + len(text):
            first, last, part = block.marks[at]
            pieces.append((max(0, first - start), min(len(text), last - start), style_of(part)))
            at += 1
    is_json = block.style == "json"
    segments = _json(layout, place, text, style, style_of) if is_json else _laid_over(text, pieces, style)
    if spots:
        segments = _marked(segments, [(first, last, style_of(part)) for first, last, part in spots])
    if not marks:
        return segments
    current = _hit_within(layout, place, hit)
    shown = [(first, last, style_of("hit-current" if first == current else "hit")) for first, last in marks]
    return _marked(segments, shown)


def _laid_over(text: str, pieces: Sequence[tuple[int, int, Style]], style: Style) -> list[Segment]:
    """A text with pieces of it in styles of their own."""
    segments = []
    position = 0
    for first, last, other in pieces:
        if first > position:
            segments.append(Segment(text[position:first], style))
        segments.append(Segment(text[first:last], other))
        position = last
    if position < len(text) or not segments:
        segments.append(Segment(text[position:], style))
    return segments


def _marked(segments: Sequence[Segment], pieces: Sequence[tuple[int, int, Style]]) -> list[Segment]:
    """Segments with pieces of their whole text in styles of their own."""
    found: list[Segment] = []
    offset = 0
    for segment in segments:
        end = offset + len(segment.text)
        within = [
            (max(first, offset) - offset, min(last, end) - offset, style)
            for first, last, style in pieces
            if first < end and last > offset
        ]
        found.extend(_laid_over(segment.text, within, segment.style or Style.null()))
        offset = end
    return found


def _divider(block: Block, room: int) -> str:
    """A rule over the whole width with words at both ends."""
    right, left = safe_line(block.right), safe_line(block.text)
    # What the words begin with says which turn it is: the figures give way before it, the first ones last,
    # but for an error, which they end with.
    least = min(width(left), width(left.split("  ")[0]) + KEPT)
    figures = right.split(FIGURE)
    failed = figures.pop() if figures and figures[-1].startswith(BAD) else None
    while len(figures) > 1 and width(right) > room - least - 6:
        figures.pop()
        right = FIGURE.join((*figures, failed) if failed else figures)
    if failed and width(right) > room - least - 6:
        right = failed
    right = truncate(right, max(0, room - 8))
    left = truncate(left, max(4, room - width(right) - 6))
    rule = "─" * max(1, room - width(left) - width(right) - (5 if right else 4))
    return f"── {left} {rule} {right}" if right else f"── {left} {rule}"


def _json(layout: Layout, place: Place, text: str, style: Style, style_of: Styles) -> list[Segment]:
    """A line of laid out JSON: keys, strings, numbers and constants each in their style."""
    before = "" if layout.is_folded(place.index) else _json_before(layout, place)
    segments = []
    position = len(before)
    whole = before + text
    for match in _JSON.finditer(whole):
        start, end = max(match.start(), len(before)), match.end()
        if end <= position:
            continue
        if start > position:
            segments.append(Segment(whole[position:start], style))
        segments.append(Segment(whole[start:end], style_of(match.lastgroup or "json")))
        position = end
    if position < len(whole) or not segments:
        segments.append(Segment(whole[position:], style))
    return segments


def _json_before(layout: Layout, place: Place) -> str:
    """What stands before a wrapped line on its own line of the JSON, as far as it tells what the line is part of."""
    text = layout.block(place.index).text
    start, _ = layout.span(place)
    begin = text.rfind("\n", 0, start) + 1
    if begin == start:
        return ""
    if start - begin <= _JSON_BEFORE:
        return text[begin:start]
    # Far inside of a line there is one long string.
    return '"'


def _hit_within(layout: Layout, place: Place, hit: int) -> int:
    """Where the current hit begins within a line; -1 if it begins elsewhere."""
    if not 0 <= hit < layout.hits:
        return -1
    index, offset = layout.hit(hit)
    start, end = layout.span(place)
    within = index == place.index and start <= offset < max(end, start + 1)
    return offset - start if within else -1
