"""A Markdown text as blocks to read: pure, called in workers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from traceview.text import human
from traceview.text.binary import text_without_binary
from traceview.text.cells import width
from traceview.text.markdown import STYLE_LIMIT, Piece, styled
from traceview.tui.widgets.blocks import Block, BlockStyle, foreign

Styler = Callable[[str], tuple[Piece, ...]]
"""The pieces of a text that is safe to draw; a screen gives one that keeps what it did."""


def markdown_blocks(
    text: str, *, indent: int = 0, gap: int = 0, key: object = None, styler: Styler = styled
) -> list[Block]:
    """What somebody wrote in Markdown, styled; `gap` comes before the first block, `key` is that of all of them.

    What is binary in it is said in words. A text over STYLE_LIMIT is shown as written, and that is said.
    """
    shown = _IMAGE.sub(r"image: \1 \2", foreign(text_without_binary(text)))
    blocks: list[Block] = []
    if len(shown) > STYLE_LIMIT:
        said = f"not styled: {human.size(len(shown.encode('utf-8', 'replace')))}"
        blocks.append(Block(said, "meta", indent=indent, gap=gap, key=key))
        return [*blocks, Block(shown, "text", indent=indent, key=key, source=((0, 0, len(shown)),))]
    for piece in styler(shown):
        blocks.append(
            Block(
                piece.text,
                _STYLES.get(piece.kind, "text"),
                label=" " * indent + piece.first,
                hang=" " * indent + piece.rest,
                indent=indent + width(piece.first),
                gap=(1 if piece.gap else 0) if blocks else gap,
                clip=piece.kind in ("code", "table", "rule"),
                # A heading is bold as it is.
                marks=tuple(mark for mark in piece.marks if piece.kind != "heading" or "bold" not in mark[2]),
                source=piece.source,
                key=key,
            )
        )
    return blocks


def plain_blocks(text: str, *, indent: int = 0, gap: int = 0, **more: Any) -> list[Block]:
    """What somebody wrote as it was written; what is binary in it is said in words."""
    return [Block(foreign(text_without_binary(text)), "text", indent=indent, gap=gap, **more)]


_IMAGE = re.compile(r"!\[([^\]\n]{0,200})\]\((⟨[^⟩\n]{0,400}⟩)\)")
"""An image that stood in the text itself, told in words."""
_STYLES: dict[str, BlockStyle] = {"heading": "heading", "label": "meta", "code": "text"}
