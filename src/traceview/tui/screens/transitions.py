"""Where traces went wrong first, and behind which step: a window that opens the traces of each pair."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from traceview.annotation.transitions import Transition, Transitions, transitions
from traceview.store.interface import CancelToken, ready
from traceview.text.human import counted
from traceview.tui.panels.pick import Pick, PickScreen
from traceview.tui.screens.opened_list import open_list

if TYPE_CHECKING:
    from traceview.tui.screens.base import TraceviewScreen


def show_transitions(screen: TraceviewScreen) -> None:
    """Count the steps around what people marked as the first bad one; a pair that is picked opens its traces."""
    annotator, engine = screen.context.annotator, screen.context.engine
    if annotator is None:
        screen.say(screen.context.label_sentence, error=True)
        return

    def count(token: CancelToken) -> Transitions:
        return transitions(ready(engine), annotator.store.current(name="first_bad"), token)

    screen.say("Reading the traces that are marked …")
    screen.ask("transitions", count, partial(_show, screen))


def _show(screen: TraceviewScreen, found: Transitions) -> None:
    gone = f"; {found.missing:,} on spans that are not here, or on turns" if found.missing else ""
    if not found.rows:
        key = screen.key_of("first_bad")
        screen.say(f"No trace has a first bad span: {key} in a trace marks it{gone}.")
        return
    picks = [
        Pick(one.bad, f"after {one.good} · {counted(len(one.trace_ids), 'trace')}", one) for one in found.rows
    ]
    heading = f"what went wrong first, in {counted(found.marked, 'trace')} that people marked{gone}"
    picker: PickScreen[Transition] = PickScreen(
        heading, picks, narrow="type to narrow, Enter opens the traces"
    )
    screen.app.push_screen(picker, partial(_open, screen))


def _open(screen: TraceviewScreen, one: Transition | None) -> None:
    if one is not None:
        open_list(screen, f"{one.bad} after {one.good}", "traces", f"trace:{','.join(one.trace_ids)}")
