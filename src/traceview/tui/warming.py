"""What is opened later is made ready once the first screen stands: its code is imported, its style sheets are read.

Done when a key opens it, that took a tenth of a second. A key that comes earlier does it then, as before.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING

from textual.css.stylesheet import CssSource
from textual.css.types import CSSLocation
from textual.dom import DOMNode
from textual.widget import Widget
from textual.worker import get_current_worker

from traceview.tui.styling import SHORTLY, STEP_SECONDS

if TYPE_CHECKING:
    from traceview.tui.app import TraceviewApp

WARM_AFTER = 0.1
"""Seconds after the first screen was shown."""
LATER = (
    "traceview.tui.screens.trace",
    "traceview.tui.screens.thread",
    "traceview.tui.screens.help",
    "traceview.tui.screens.palette",
    "traceview.tui.screens.prompts",
    "traceview.tui.screens.stats",
    "traceview.tui.screens.opened_list",
    "traceview.tui.screens.split",
    "traceview.tui.screens.copy_menu",
    "traceview.tui.screens.bulk",
    "traceview.tui.screens.export",
    "traceview.tui.screens.share",
    "traceview.tui.panels.picker",
    "traceview.tui.panels.pick",
    "traceview.tui.panels.name_field",
    "traceview.tui.panels.column_chooser",
    "traceview.tui.clipboard",
    "traceview.filters.completion",
    "traceview.tui.screens.judge_running",
    "traceview.tui.judge_runs",
    "traceview.tui.screens.judges",
    "traceview.tui.screens.confusion",
)
"""Modules that are imported where a key needs them, those of the nearest keys first."""


def warm(app: TraceviewApp) -> None:
    """Import in a thread, then read style sheets in steps of the event loop."""

    def work() -> None:
        worker = get_current_worker()
        for name in LATER:
            if worker.is_cancelled:
                return
            import_module(name)
        app.call_later(_read_styles, app, list(_sources()))

    app.run_worker(work, group="warming", thread=True, exit_on_error=False)


def _read_styles(app: TraceviewApp, sources: list[tuple[CSSLocation, CssSource]]) -> None:
    """Read, then add all at once: a source that is added is read by the next widget that is drawn."""
    if app.stylesheet.read_some(STEP_SECONDS, sources):
        for place, (css, _, tie_breaker, scope) in sources:
            app.stylesheet.add_source(css, place, is_default_css=True, tie_breaker=tie_breaker, scope=scope)
    else:
        app.set_timer(SHORTLY, partial(_read_styles, app, sources))


def _sources() -> Iterator[tuple[CSSLocation, CssSource]]:
    """The default styles of all widgets that are imported, with those of what they inherit from."""
    for kind in _widgets(Widget):
        # Textual asks a widget for them; the classes are what it looks at.
        bases = SimpleNamespace(_node_bases=kind._css_bases(kind))
        for place, css, tie_breaker, scope in DOMNode._get_default_css(bases):  # type: ignore[arg-type]
            yield place, CssSource(css, True, tie_breaker, scope)


def _widgets(kind: type[Widget]) -> Iterator[type[Widget]]:
    yield kind
    for one in kind.__subclasses__():
        yield from _widgets(one)
