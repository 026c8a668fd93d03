"""How the virtual text pane looks: its styles, and the segments of a line of a block. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from rich.segment import Segment
from rich.style import Style

from traceview.text.cells import pad, truncate, width
from traceview.text.safe import safe_line
from traceview.tui.widgets.blocks import Block, Layout, Place

Styles = Callable[[str], Style]
"""The style of a part of the pane."""

_JSON_KEY = re.compile(r'^(\s*)("(?:[^"\\]|\\.)*")(:)')
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
    "cursor",
    "hit",
    "hit-current",
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
        & .text-view--user { color: $accent; text-style: bold; }
        & .text-view--assistant { color: $primary; text-style: bold; }
        & .text-view--system { color: $dim; }
        & .text-view--tool { color: $secondary; }
        & .text-view--reasoning { color: $dim; text-style: italic; }
        & .text-view--error { color: $error; }
        & .text-view--note { color: $warning; }
        & .text-view--cursor { color: $primary; }
        & .text-view--hit { background: $warning 40%; }
        & .text-view--hit-current { background: $warning; color: $background; text-style: bold; }
    }
"""


def line_segments(layout: Layout, place: Place, hit: int, room: int, style_of: Styles) -> list[Segment]:
    """A line of a block in `room` cells; `hit` is the number of the current hit of a search, -1 for none."""
    block = layout.block(place.index)
    if place.line < 0:
        return [Segment("", style_of("base"))]
    style = style_of(block.style)
    if block.style == "divider":
        return [Segment(_divider(block, room), style)]
    segments = []
    if block.indent:
        label = pad(safe_line(block.label), block.indent) if place.line == 0 else " " * block.indent
        segments.append(Segment(label, style_of("label")))
        room -= block.indent
    text = layout.text(place)
    right = safe_line(block.right) if place.line == 0 else ""
    if layout.is_folded(place.index):
        text = safe_line(text)
    else:
        if not text.isprintable():
            text = safe_line(text)
        marks = layout.marks(place) if layout.searching_for else []
        if marks:
            current = _hit_within(layout, place, hit)
            segments.extend(_marked(text, marks, current, style, style_of))
            return segments
    if right:
        room = max(8, room - width(right) - 1)
        text = truncate(text, room)
        segments.append(Segment(pad(text, room) + " ", style))
        segments.append(Segment(right, style_of("meta")))
        return segments
    text = truncate(text, room)
    if block.style == "json":
        segments.extend(_json(text, style_of))
    else:
        segments.append(Segment(text, style))
    return segments


def _divider(block: Block, room: int) -> str:
    """A rule over the whole width with words at both ends."""
    right = truncate(safe_line(block.right), max(0, room - 8))
    left = truncate(safe_line(block.text), max(4, room - width(right) - 6))
    rule = "─" * max(1, room - width(left) - width(right) - (6 if right else 4))
    return f"── {left} {rule} {right}" if right else f"── {left} {rule}"


def _json(text: str, style_of: Styles) -> list[Segment]:
    """A line of laid out JSON: its key stands out."""
    base = style_of("base")
    match = _JSON_KEY.match(text)
    if match is None:
        return [Segment(text, base)]
    return [
        Segment(match[1], base),
        Segment(match[2], style_of("key")),
        Segment(text[match.end(2) :], base),
    ]


def _hit_within(layout: Layout, place: Place, hit: int) -> int:
    """Where the current hit begins within a line; -1 if it begins elsewhere."""
    if not 0 <= hit < layout.hits:
        return -1
    index, offset = layout.hit(hit)
    start, end = layout.span(place)
    within = index == place.index and start <= offset < max(end, start + 1)
    return offset - start if within else -1


def _marked(
    text: str, marks: Sequence[tuple[int, int]], current: int, style: Style, style_of: Styles
) -> list[Segment]:
    """A line with its hits highlighted, the one that begins at `current` stronger."""
    segments = []
    position = 0
    for first, last in marks:
        segments.append(Segment(text[position:first], style))
        segments.append(Segment(text[first:last], style_of("hit-current" if first == current else "hit")))
        position = last
    segments.append(Segment(text[position:], style))
    return segments
