"""Which screen shows which item: screens are named here, so that they open one another and import none."""

from __future__ import annotations

from collections.abc import Callable
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, Literal

from traceview.model.labels import Target
from traceview.tui.context import AppContext
from traceview.tui.cursor import ListCursor

if TYPE_CHECKING:
    from textual.screen import Screen

Landing = Literal["documents", "error"]
"""Where a trace opens that is not opened at its beginning."""

TREE = "traceview.tui.screens.trace:TraceScreen"
TRANSCRIPT = "traceview.tui.screens.thread:TranscriptScreen"


def tree_screen(
    context: AppContext,
    target: Target,
    cursor: ListCursor | None,
    *,
    annotate: bool = False,
    span_id: str | None = None,
    from_transcript: bool = False,
    replaces_transcript: bool = False,
    at: Landing | None = None,
) -> Screen[None]:
    """The tree of a trace, at a span; `from_transcript` if its transcript is the screen below it.

    With `replaces_transcript` it stands in the place of the transcript of the trace, to which going back leads.
    With `at` it goes on to the first failing span, or to the next one that has documents, and shows them.
    """
    return _screen(
        TREE,
        context,
        target,
        cursor,
        annotate=annotate,
        span_id=span_id,
        from_transcript=from_transcript,
        replaces_transcript=replaces_transcript,
        at=at,
    )


def transcript_screen(
    context: AppContext,
    target: Target,
    cursor: ListCursor | None,
    *,
    annotate: bool = False,
    span_id: str | None = None,
) -> Screen[None]:
    """The transcript of a trace or a thread, at what a span said."""
    return _screen(TRANSCRIPT, context, target, cursor, annotate=annotate, span_id=span_id)


def item_screen(
    context: AppContext,
    target: Target,
    cursor: ListCursor | None,
    *,
    transcript: bool = False,
    annotate: bool = False,
    at: Landing | None = None,
    search: str | None = None,
) -> Screen[None]:
    """The tree of a trace (of a span, at that span), or the transcript of a trace or a thread; annotating or not.

    With `search` it opens at the first place that says so, with the others to go on to.
    """
    if target.kind == "span":
        # It is labelled where it happened; the cursor says which span it is.
        trace = Target("trace", target.trace_id or "", target.trace_id)
        screen = tree_screen(context, trace, cursor, annotate=annotate, span_id=target.span_id)
    elif target.kind == "trace" and not transcript:
        screen = tree_screen(context, target, cursor, annotate=annotate, at=at)
    else:
        screen = transcript_screen(context, target, cursor, annotate=annotate)
    if search:
        begin: Callable[[str], object] = screen.begin_with  # type: ignore[attr-defined]
        begin(search)
    return screen


def _screen(name: str, *arguments: Any, **options: Any) -> Screen[None]:
    """A screen by its name; its module is imported only when one is opened."""
    screen: Screen[None] = resolve_name(name)(*arguments, **options)
    return screen
