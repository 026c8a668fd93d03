"""The place of an item in an annotation session: walks its frozen list, and every step of it is kept."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from traceview.annotation.session_words import pace_words
from traceview.model.labels import LabelRow, Target
from traceview.model.sessions import SessionPlace
from traceview.tui.cursor import ListCursor, Place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from traceview.annotation.session_work import SessionWork
    from traceview.store.interface import CancelToken

Row = dict[str, Any]


class SessionCursor(ListCursor):
    """`J` and `K` walk the session's way; a value that completes an item goes on to the next open one."""

    def __init__(self, work: SessionWork, position: int) -> None:
        super().__init__(self._place_at(work, position), len(work.state.items), self._no_rows)
        self.work = work
        self._see(position)

    @property
    def number(self) -> str:
        """`i of N` on the way through the session."""
        return f"{self.work.state.number(self.place.position):,} of {self.total:,}"

    @property
    def target(self) -> Target:
        """What is asked about: the item, or a span or document of the trace that is shown."""
        return self.work.state.items[self.place.position].target

    @property
    def asked(self) -> Collection[str]:
        """The names of what is asked about the item."""
        return self.work.state.asked_at(self.place.position)

    @property
    def sentence(self) -> str:
        """The number and the pace."""
        return f"{self.number} · {pace_words(self.work.state)}"

    @property
    def session_place(self) -> SessionPlace:
        """Where in the session a label is given now."""
        return self.work.place(self.place.position)

    def counted(self, rows: Sequence[LabelRow]) -> Sequence[LabelRow]:
        """The rows of the item that are shown here: where it is asked again, no earlier ones of one's own."""
        return self.work.state.counted_at(self.place.position, rows)

    def next_open(self) -> Place | None:
        """The next place that is not done; None once all are."""
        found = self.work.state.next_open(self.place.position)
        return None if found is None else self._place_at(self.work, found)

    def at(self, position: int) -> Place:
        """The place of this number."""
        return self._place_at(self.work, position)

    def defer(self) -> None:
        """Put the item at the end of the session."""
        self.work.defer_soon(self.place.position)

    def knows(self, delta: int) -> bool:
        """Always: the list is frozen."""
        return True

    def peek(self, delta: int, token: CancelToken | None = None) -> Place | None:
        """The place `delta` steps away, None past either end."""
        found = self.work.state.step(self.place.position, delta)
        return None if found is None else self._place_at(self.work, found)

    def seek(
        self, direction: int, accepts: Callable[[Row], bool], token: CancelToken | None = None
    ) -> Place | None:
        """The nearest open place in this direction."""
        state = self.work.state
        found = state.step(self.place.position, direction)
        while found is not None and state.done(found):
            found = state.step(found, direction)
        return None if found is None else self._place_at(self.work, found)

    def move(self, place: Place) -> None:
        """Stand on another place; where one stands is kept."""
        self.place = place
        self._see(place.position)

    def _see(self, position: int) -> None:
        self.work.see_soon(position)

    @staticmethod
    def _place_at(work: SessionWork, position: int) -> Place:
        return Place(position, _row(work.state.items[position].target))

    @staticmethod
    def _no_rows(offset: int, limit: int, token: CancelToken | None) -> Sequence[Row]:
        """Rows are made of the frozen targets, not read."""
        return ()


def _row(target: Target) -> Row:
    return {"thread_id": target.id} if target.kind == "thread" else {"trace_id": target.trace_id or target.id}
