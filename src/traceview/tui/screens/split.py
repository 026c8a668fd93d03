"""Two panes that share a screen: how much each has, stepped with two keys and kept per screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.css.query import NoMatches

if TYPE_CHECKING:
    from textual.widget import Widget

    from traceview.tui.habits import Habits
    from traceview.tui.screens.base import TraceviewScreen

STEP = 5
LEAST, MOST = 15, 85
"""Percent of the two panes together that the first may have."""


def share_panes(screen: TraceviewScreen, habits: Habits) -> None:
    """Give the panes of a screen the shares that were chosen for them, as they stand now."""
    panes = _panes(screen)
    if panes is None:
        return
    share = habits.panes.get(_place(screen))
    for pane, part in zip(panes, (share, None if share is None else 100 - share), strict=True):
        for rule in ("width", "height", "min_width"):
            pane.styles.clear_rule(rule)
        if part is None:
            continue
        if screen.has_class("-beside"):
            pane.styles.width, pane.styles.min_width = f"{part}fr", 1
        else:
            pane.styles.height = f"{part}fr"


def step_share(screen: TraceviewScreen, habits: Habits, by: int) -> str:
    """Give the focused pane more or less; the sentence that says what was done."""
    panes = _panes(screen)
    if panes is None or not all(pane.display for pane in panes):
        return "There is only one pane here."
    first, second = panes
    beside = screen.has_class("-beside")
    sizes = [pane.region.width if beside else pane.region.height for pane in panes]
    place = _place(screen)
    share = habits.panes.get(place, round(100 * sizes[0] / max(1, sum(sizes))))
    in_second = screen.focused is not None and second in screen.focused.ancestors_with_self
    habits.panes[place] = max(LEAST, min(MOST, share + (-by if in_second else by) * STEP))
    share_panes(screen, habits)
    name = first.id if not in_second else second.id
    part = habits.panes[place] if not in_second else 100 - habits.panes[place]
    return f"{name}: {part} % of the {'width' if beside else 'height'}"


def _panes(screen: TraceviewScreen) -> tuple[Widget, Widget] | None:
    if screen.SPLIT is None:
        return None
    try:
        return screen.query_one(screen.SPLIT[0]), screen.query_one(screen.SPLIT[1])
    except NoMatches:
        return None


def _place(screen: TraceviewScreen) -> str:
    return f"{screen.AREA} {'beside' if screen.has_class('-beside') else 'stacked'}"
