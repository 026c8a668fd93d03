"""A list that follows what arrives: the cursor stays on the newest row until somebody moves it."""

from __future__ import annotations

from textual import on

from traceview.tui.screens.list_looks import DEFAULT_SORT, LookingList
from traceview.tui.widgets.virtual_list import VirtualList


class FollowingList(LookingList):
    """Adds the key that follows the newest row. Moving the cursor away from it, or another order, ends that."""

    def action_follow(self) -> None:
        """Go to the newest row and stay on it; the key once more stays on this row."""
        if self.following:
            self._stay()
            return
        self.following = True
        self._show_engine_status(self.context.engine.status())
        if self.sort is not None:
            self.sort_by(DEFAULT_SORT)
        else:
            self.rows.put_cursor(0)
        self.say("Following: the cursor stays on the newest row until you move it.")

    def reload(self, *, first: bool = False, delay: float = 0.0, top: bool = False) -> None:
        """Ask for the list again; while it follows, the cursor goes to the newest row."""
        if self.following and self.sort is not None:
            self._stay()
        super().reload(first=first, delay=delay, top=top or self.following)

    @on(VirtualList.CursorMoved)
    def stay_where_moved(self) -> None:
        """Stay where the cursor was moved to."""
        if self.following and self.rows.cursor:
            self._stay()
            if self.is_asking("select"):
                # the list that is on its way would put the cursor on the newest row
                self.reload()

    def _stay(self) -> None:
        self.following = False
        self._show_engine_status(self.context.engine.status())
        self.say("No longer following: rows that arrive stay above.")
