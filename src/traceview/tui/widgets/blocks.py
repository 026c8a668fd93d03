"""Blocks: the paragraphs that a text pane shows, and foreign text made safe for them."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from traceview.text.safe import safe_block

BlockStyle = Literal[
    "text",
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
]

SAFE_SLICE = 1 << 18


class Block(Struct, frozen=True):
    """A paragraph with one style.

    `text` must have come from `foreign` when somebody else wrote it. `label` stands before the first line in
    `indent` cells, the other lines hang under the text. `right` is drawn at the right edge of the first line.
    `gap` blank lines come before it. `fold` is the one line that stands for a folded block (None: never
    folded). `key` says what the block belongs to, for the screen that made it.

    A block that `holds` others is their one-line head: the blocks that follow it are shown while it is not folded;
    they may hold others themselves. `hang` stands before the lines after the first, where `label` stands before
    the first. The lines of a block that says `clip` are not wrapped but cut at the edge, with what is missing
    said. `marks` are `(start, end, part)` of the text that is drawn as another part of the pane, in order,
    without overlap. `source` says where the text stands in what somebody wrote: `(offset, offset there,
    characters)` in order; text outside of them was added to make it readable.
    """

    text: str
    style: BlockStyle = "text"
    label: str = ""
    indent: int = 0
    right: str = ""
    gap: int = 0
    fold: str | None = None
    folded: bool = False
    key: object = None
    holds: int = 0
    hang: str = ""
    clip: bool = False
    marks: tuple[tuple[int, int, str], ...] = ()
    source: tuple[tuple[int, int, int], ...] = ()


def foreign(text: str) -> str:
    """Foreign text made safe to draw, in slices, so that other threads run in between however long it is."""
    if len(text) <= SAFE_SLICE:
        return safe_block(text)
    pieces = []
    start = 0
    while start < len(text):
        stop = min(len(text), start + SAFE_SLICE)
        if stop < len(text) and text[stop - 1] == "\r":
            stop += 1
        pieces.append(safe_block(text[start:stop]))
        start = stop
    return "".join(pieces)
