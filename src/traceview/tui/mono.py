"""No colours at all: what a background says is said with reverse and underline instead."""

from __future__ import annotations

from functools import lru_cache

from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter
from textual.theme import Theme

LIGHT_FROM = 128
"""A background as light as this is drawn in reverse: scroll bars, the hit that the search stands on."""


class NoColours(LineFilter):
    """Leaves bold, reverse and underline, and writes no code of a colour.

    The colours of the mono theme tell what a text stands on; what they mean is drawn without them.
    """

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        cursor, hit = (Color.parse(theme.variables[name]).rgb for name in ("cursor", "hit"))
        error = Color.parse(theme.error or "").rgb

        @lru_cache(1024)
        def plain(style: Style) -> Style:
            ground = _rgb(style.bgcolor)
            reverse = bool(style.reverse)
            if ground is not None and (ground == cursor or min(ground) >= LIGHT_FROM):
                reverse = not reverse
            return Style(
                bold=style.bold or _rgb(style.color) == error or None,
                underline=style.underline or ground == hit or None,
                reverse=reverse or None,
                meta=style.meta,
            )

        self._plain = plain

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments without colours."""
        plain = self._plain
        return [
            Segment(text, None if style is None else plain(style), control)
            for text, style, control in segments
        ]


def _rgb(colour: RichColor | None) -> tuple[int, int, int] | None:
    triplet = colour.triplet if colour is not None else None
    return (triplet.red, triplet.green, triplet.blue) if triplet is not None else None
