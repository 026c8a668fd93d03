"""The traces of a group, opened from a table of groups: a list above the roots, which Esc leaves."""

from __future__ import annotations

from traceview.tui.screens.lists import ListScreen


class OpenedList(ListScreen):
    """A list of traces that goes back to where it was opened."""

    def footer_hints(self) -> list[tuple[str, str]]:
        """Those of a list, and the way back."""
        hints = super().footer_hints()
        back = next(action for action in self.registry if action.id == "back")
        if any(key in back.keys for key, _ in hints):
            return hints
        return [*hints[:1], (back.keys[0], back.title), *hints[1:]]
