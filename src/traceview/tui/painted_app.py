"""An app that writes little: how frames, colours and signs of the app reach its terminal."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from typing import Any

from textual._compositor import ChopsUpdate, CompositorUpdate
from textual.app import App
from textual.driver import Driver
from textual.filter import LineFilter, Monochrome
from textual.screen import Screen

from traceview.tui.glyphs import Written, shown_by
from traceview.tui.painting import Frame, Painted, fills_erased_cells
from traceview.tui.styling import SHORTLY, STEP_SECONDS, KeptStylesheet
from traceview.tui.themes import DEFAULT_VARIABLES, MONO, THEMES

PART_BYTES = 2000
"""Of what is written while the cursor rests; a link of 10 KB/s is busy for a fifth of a second."""
PART_SECONDS = 0.03


class PaintedApp(App[None]):
    """Has the themes, the style sheet and what the terminal shows; `ascii_signs` is None if the terminal decides."""

    def __init__(self, *, ascii_signs: bool | None) -> None:
        super().__init__()
        self.stylesheet: KeptStylesheet = KeptStylesheet(variables=self.stylesheet._variables)
        # An empty NO_COLOR says nothing.
        self.no_color = bool(os.environ.get("NO_COLOR"))
        self._no_colour_filter: LineFilter | None = None
        shown = shown_by(ascii_signs, os.environ)
        self.written: Written | None = None if shown == "all" else Written(shown)
        """What the driver writes in the place of signs that the terminal cannot show."""
        self.painted = Painted(erases=fills_erased_cells())
        self._cursor_rests = False
        self.animation_level = "none"
        for theme in THEMES:
            self.register_theme(theme)

    def get_driver_class(self) -> type[Driver]:
        """The driver of the platform; on a Unix terminal the one with a quick Esc."""
        found = super().get_driver_class()
        if found.__name__ != "LinuxDriver":
            return found
        from traceview.tui.driver import QuickEscapeDriver

        return QuickEscapeDriver

    has_styles = True
    """False while the styles of another theme are being read: what is shown has those of before."""

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Without colours our own filter, which writes none at all; textual's writes greys."""
        found = [one for one in super().get_line_filters() if not isinstance(one, Monochrome)]
        if self.theme == MONO:
            found.append(self._no_colours())
        return found

    def _no_colours(self) -> LineFilter:
        if self._no_colour_filter is None:
            from traceview.tui.mono import NoColours

            self._no_colour_filter = NoColours(self.current_theme)
        return self._no_colour_filter

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our own colours in themes that do not name them."""
        return DEFAULT_VARIABLES

    def action_repaint(self) -> None:
        """Paint the whole screen, whatever the terminal is thought to show."""
        self.painted.forget()
        self.screen.refresh(layout=True)

    def refresh_css(self, animate: bool = True) -> None:
        """Give everything the styles of the theme, which are read in steps."""
        self.stylesheet.set_variables(self.get_css_variables())
        sheet = self.stylesheet
        self.has_styles = sheet.read_some(STEP_SECONDS) and sheet.match_some(STEP_SECONDS, self)
        if self.has_styles:
            super().refresh_css(animate)
        else:
            self.set_timer(SHORTLY, partial(self.refresh_css, animate))

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        """Write of a frame only what differs from what the terminal shows.

        What a key changes is written at once. What follows while the cursor rests is written in parts, so that the
        next key has to wait for none but the one that is on its way.
        """
        if isinstance(renderable, CompositorUpdate) and not self.is_inline:
            at_most = PART_BYTES if self._cursor_rests else None
            renderable = Frame(renderable, self.painted, self.size, at_most)
        super()._display(screen, renderable)
        if self.painted.owes:
            self.set_timer(PART_SECONDS, self._write_rest)

    def cursor_rests(self) -> None:
        """Until the next key, what is painted is not what a key did but what follows its cursor."""
        self._cursor_rests = True

    def key_came(self) -> None:
        """What is painted from now on is what a key did."""
        self._cursor_rests = False

    def _write_rest(self) -> None:
        if self.painted.owes and self.screen_stack:
            self._display(self.screen, ChopsUpdate([], [], []))
