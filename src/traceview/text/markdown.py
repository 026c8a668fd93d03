"""Markdown as styled pieces of text: what marks it up is taken away, no word of it is, and offsets stay known.

Nothing is ever hidden: an address stands beside the text of its link, references and entities stay as they were
written, and a text of which any other character would not be shown is not styled at all.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from msgspec import Struct

STYLE_LIMIT = 200_000
"""Characters up to which a text is styled; a longer one is shown as it was written, and that is to be said."""
TABLE_WIDTH = 100

Kind = Literal["text", "heading", "code", "table", "label", "rule"]
Mark = tuple[int, int, str]
"""`(start, end, part)` of a piece's text. Parts: bold, italic, bold-italic, strike, code, link, address, mark."""
Source = tuple[int, int, int]
"""`(offset, offset in what was written, characters)`: so much of a piece's text stands there, letter for letter."""

_MAY_BE_MARKDOWN = re.compile(r"[*_`~#>|\[\]<\\]|(?m:^\s*(?:[-+]\s|\d{1,9}[.)]\s|---))|://")


class Piece(Struct, frozen=True):
    """A paragraph, a heading, a list item, a block of code, a table or a row of one.

    `text` is what is read. Before its first line stands `first`, before the others `rest`, of the same width.
    `level` is that of a heading. `gap` is True where a blank line comes before it. The lines of code and of tables
    are not to be wrapped. Text outside of `source` was added: a space before an address, the lines of a table.
    """

    kind: Kind
    text: str
    marks: tuple[Mark, ...] = ()
    source: tuple[Source, ...] = ()
    first: str = ""
    rest: str = ""
    level: int = 0
    gap: bool = False


def styled(text: str, table_width: int = TABLE_WIDTH) -> tuple[Piece, ...]:
    """The pieces of a text that was made safe to draw; a table wider than `table_width` cells is told row by row.

    One piece with the text itself if it has no Markdown in it, or is longer than STYLE_LIMIT.
    """
    if len(text) > STYLE_LIMIT or _MAY_BE_MARKDOWN.search(text) is None:
        return (as_written(text),)
    return _styled(text, table_width)


@lru_cache(maxsize=512)
def _styled(text: str, table_width: int) -> tuple[Piece, ...]:
    from traceview.text.markdown_pieces import pieces_of

    pieces = pieces_of(text, table_width)
    return pieces if pieces is not None else (as_written(text),)


def as_written(text: str) -> Piece:
    """A text without any style."""
    return Piece("text", text, source=((0, 0, len(text)),) if text else ())


def source_offset(source: tuple[Source, ...], offset: int) -> int | None:
    """Where the character at an offset of a piece was written; None if it was added."""
    for at, there, size in source:
        if at <= offset < at + size:
            return there + offset - at
    return None
