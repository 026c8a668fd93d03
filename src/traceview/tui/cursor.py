"""The place of an open item in the list it came from, so that `J` and `K` walk that list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from traceview.store.interface import CancelToken

Row = dict[str, Any]
Fetch = Callable[[int, int, "CancelToken | None"], Sequence[Row]]
"""`fetch(offset, limit, token)`: the rows of the list at these positions; may block, called in workers."""

SEEK_PAGE = 256
NEAR = 2
"""Rows on each side of one that is looked at that are fetched with it, and kept."""


class Place(Struct, frozen=True):
    """A row of the list and its position, counted from 0."""

    position: int
    row: Row


class ListCursor:
    """Walks the rows of a filtered and sorted list from inside one of its items.

    `fetch` is called in a worker; `moved` on the event loop, so that the list's own cursor follows.
    """

    def __init__(
        self, place: Place, total: int, fetch: Fetch, moved: Callable[[Place], None] | None = None
    ) -> None:
        self.place = place
        self.total = total
        self._fetch = fetch
        self._moved = moved
        self._near: dict[int, Row] = {}

    @property
    def number(self) -> str:
        """`i of N`."""
        return f"{self.place.position + 1:,} of {self.total:,}"

    @property
    def sentence(self) -> str:
        """What the title of an item says of its place."""
        return self.number

    def knows(self, delta: int) -> bool:
        """Whether `peek` answers without fetching anything."""
        position = self.place.position + delta
        return not 0 <= position < self.total or position in self._near

    def peek(self, delta: int, token: CancelToken | None = None) -> Place | None:
        """The row `delta` places away, None past either end. Moves nothing; call it in a worker unless it is known."""
        position = self.place.position + delta
        if not 0 <= position < self.total:
            return None
        row = self._near.get(position)
        if row is None:
            start = max(0, position - NEAR)
            # The rows of a list at its positions stay what they are: another list is another cursor.
            near = dict(enumerate(self._fetch(start, 2 * NEAR + 1, token), start))
            self._near = near
            row = near.get(position)
        return Place(position, row) if row is not None else None

    def seek(
        self, direction: int, accepts: Callable[[Row], bool], token: CancelToken | None = None
    ) -> Place | None:
        """The nearest accepted row after (`direction` 1) or before (-1) the place; call it in a worker."""
        position = self.place.position + direction
        while 0 <= position < self.total:
            start = position if direction > 0 else max(0, position - SEEK_PAGE + 1)
            stop = min(self.total, position + SEEK_PAGE) if direction > 0 else position + 1
            rows = self._fetch(start, stop - start, token)
            found = [Place(start + index, row) for index, row in enumerate(rows) if accepts(row)]
            if found:
                return found[0] if direction > 0 else found[-1]
            position = stop if direction > 0 else start - 1
        return None

    def move(self, place: Place) -> None:
        """Stand on another row, and let the list know; call it on the event loop."""
        self.place = place
        if self._moved is not None:
            self._moved(place)
