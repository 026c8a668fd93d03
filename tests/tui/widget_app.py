"""An app around one widget, in our colours."""

from __future__ import annotations

from typing import TypeVar

from textual.app import App, ComposeResult
from textual.widget import Widget

from traceview.tui.themes import DEFAULT_VARIABLES, THEMES

W = TypeVar("W", bound=Widget)


class WidgetApp(App[None]):
    """Shows one widget."""

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self._widget = widget
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = THEMES[0].name

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our colours."""
        return DEFAULT_VARIABLES

    def compose(self) -> ComposeResult:
        """The widget."""
        yield self._widget


def shown(widget: Widget) -> list[str]:
    """The lines of a widget as they are drawn."""
    return [widget.render_line(y).text.rstrip() for y in range(widget.size.height)]
