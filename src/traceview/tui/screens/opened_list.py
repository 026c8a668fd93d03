"""The traces of a group, opened from a table of groups: a list above the roots, which Esc leaves."""

from __future__ import annotations

from dataclasses import replace  # noqa: TID251
from typing import TYPE_CHECKING

from traceview.tui.screens.lists import ListScreen

if TYPE_CHECKING:
    from traceview.tui.rows import ListLevel
    from traceview.tui.screens.base import TraceviewScreen


class OpenedList(ListScreen):
    """A list of traces that goes back to where it was opened."""

    def footer_hints(self) -> list[tuple[str, str]]:
        """Those of a list, and the way back."""
        hints = super().footer_hints()
        back = next(action for action in self.registry if action.id == "back")
        if any(key in back.keys for key, _ in hints):
            return hints
        return [*hints[:1], (back.keys[0], back.title), *hints[1:]]


def open_list(screen: TraceviewScreen, crumb: str, level: ListLevel, filter_text: str) -> None:
    """Open a list of what matches a filter over a screen; `crumb` says in the title what it is a list of."""
    title = f"{screen.context.source_title} › {crumb}"
    context = replace(screen.context, source_title=title, plan=None, resume=None, notices=())
    screen.app.push_screen(OpenedList(context, level, filter_text=filter_text))
