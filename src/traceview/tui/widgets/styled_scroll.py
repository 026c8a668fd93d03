"""The base of the widgets that draw their lines themselves: the styles of their parts, looked up once."""

from __future__ import annotations

from typing import ClassVar

from rich.style import Style
from textual.scroll_view import ScrollView


class StyledScroll(ScrollView, inherit_bindings=False):
    """A scroll view whose parts are drawn in the styles of its component classes, `PART_PREFIX` before each.

    It has no keys of its own: those that textual gives one would scroll away from the cursor.
    """

    PART_PREFIX: ClassVar[str]
    PLAIN_PARTS: ClassVar[frozenset[str]] = frozenset({"base"})
    """Parts that are drawn in the style of the widget itself."""
    PARTIAL_STYLES: ClassVar[bool] = False
    """True if a part's style is only what differs from the widget's."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._part_styles: dict[str, Style] = {}

    def notify_style_update(self) -> None:
        """Forget the styles when the theme or the focus changes."""
        self._part_styles.clear()
        super().notify_style_update()

    def _style(self, part: str) -> Style:
        style = self._part_styles.get(part)
        if style is None:
            if part in self.PLAIN_PARTS:
                style = self.rich_style
            else:
                name = f"{self.PART_PREFIX}{part}"
                style = self.get_component_rich_style(name, partial=self.PARTIAL_STYLES)
            self._part_styles[part] = style
        return style
