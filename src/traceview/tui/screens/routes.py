"""Which screen shows which item; imports the screens only when one is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traceview.model.labels import Target
from traceview.tui.context import AppContext
from traceview.tui.cursor import ListCursor

if TYPE_CHECKING:
    from textual.screen import Screen


def item_screen(
    context: AppContext,
    target: Target,
    cursor: ListCursor | None,
    *,
    transcript: bool = False,
    annotate: bool = False,
) -> Screen[None]:
    """The tree of a trace, or the transcript of a trace or a thread, with the annotate panel open or not."""
    if target.kind == "trace" and not transcript:
        from traceview.tui.screens.trace import TraceScreen

        return TraceScreen(context, target, cursor, annotate=annotate)
    from traceview.tui.screens.thread import TranscriptScreen

    return TranscriptScreen(context, target, cursor, annotate=annotate)
