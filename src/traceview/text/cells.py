"""Widths in terminal cells: what a text takes on the screen, cut and padded to it.

Texts are taken as made safe by `text.safe`; a control character that slipped through counts nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

ELLIPSIS = "…"


def width(text: str) -> int:
    """The number of cells of a text."""
    return len(text) if text.isascii() and text.isprintable() else _width(text)


def clusters(text: str) -> Iterator[tuple[str, int]]:
    """The characters as a reader sees them (grapheme clusters), each with its width in cells."""
    from wcwidth import iter_graphemes

    return ((cluster, _cluster_width(cluster)) for cluster in iter_graphemes(text))


def fit(text: str, cells: int) -> int:
    """How many code points of the text, in whole clusters, fit into so many cells."""
    if cells <= 0:
        return 0
    head = text[:cells]
    if head.isascii() and head.isprintable():
        following = text[cells : cells + 1]
        if following.isascii():
            return len(head)
    used = position = 0
    # Lone zero-width characters take no cell, so the text is read until the next cell does not fit.
    for cluster, size in clusters(text):
        if used + size > cells:
            break
        used += size
        position += len(cluster)
    return position


def truncate(text: str, cells: int, ellipsis: str = ELLIPSIS) -> str:
    """The text in at most so many cells, ended by an ellipsis where it was cut."""
    if cells <= 0:
        return ""
    if len(text) <= cells and text.isascii():
        return text
    # No cluster is wider than two cells per code point, so a long text is measured only as far as it can matter.
    kept = fit(text, cells)
    if kept == len(text):
        return text
    room = cells - width(ellipsis)
    if room < 0:
        return text[:kept]
    return text[: fit(text[:kept], room)] + ellipsis


def pad(text: str, cells: int, align: str = "left") -> str:
    """The text in exactly so many cells: cut with an ellipsis, or filled with spaces ("left", "right", "center")."""
    text = truncate(text, cells)
    missing = max(0, cells - width(text))
    if align == "right":
        return " " * missing + text
    if align == "center":
        return " " * (missing // 2) + text + " " * (missing - missing // 2)
    return text + " " * missing


@lru_cache(maxsize=4096)
def _cluster_width(cluster: str) -> int:
    return _width(cluster)


def _width(text: str) -> int:
    from wcwidth import wcswidth, wcwidth

    size = wcswidth(text)
    # -1 says that a control character is among them.
    return size if size >= 0 else sum(max(0, wcwidth(char)) for char in text)
