"""Items kept ready: the neighbours in the list are fetched while an item is read, and those just read are kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from traceview.model.labels import Target
from traceview.store.interface import CancelToken
from traceview.tui.asking import Asking
from traceview.tui.cursor import ListCursor, Place

Item = TypeVar("Item")

ITEMS_KEPT = 5
SPANS_KEPT = 20_000
"""Spans of all kept items together."""
SPANS_AHEAD = 5_000
"""An item of more spans is read when it is asked for."""
AHEAD_SECONDS = 0.05
"""An item is shown so long before its neighbours are fetched."""
WAIT_SECONDS = 0.02
"""After so long somebody who waits for an item looks whether it is still wanted."""
AHEAD = (1, 2, -1)
"""How far from the cursor in the list, in the direction of the last step, the items stand that are fetched ahead."""


@dataclass(frozen=True, slots=True)
class _Kept(Generic[Item]):
    item: Item
    content: int
    spans: int


@dataclass(frozen=True, slots=True)
class Coming(Generic[Item]):
    """An item that is being fetched ahead."""

    target: Target
    content: int
    item: Future[Item]

    def wait(self, token: CancelToken) -> Item | None:
        """The item once it is there, None if it is not coming after all; called in a worker."""
        while True:
            try:
                return self.item.result(WAIT_SECONDS)
            except TimeoutError:
                token.check()
            except CancelledError:
                return None


class ItemsAhead(Generic[Item]):
    """A few items by their ids, fetched by questions of `asker` on the channel `ahead`.

    `fetch` gets a whole item in a worker; `target_of` tells which one a row of the list is; `content` is another
    number whenever spans of the source may have changed: what was fetched before is not shown then. `spans` tells of
    a row how many spans its item keeps in memory.
    """

    def __init__(
        self,
        asker: Asking,
        target_of: Callable[[dict[str, Any]], Target],
        fetch: Callable[[Target, CancelToken], Item],
        *,
        content: Callable[[], int],
        spans: Callable[[dict[str, Any]], int],
    ) -> None:
        self._asker = asker
        self._target_of = target_of
        self._fetch = fetch
        self._content = content
        self._spans = spans
        self._items: OrderedDict[str, _Kept[Item]] = OrderedDict()
        self._position = -1
        self._coming: Coming[Item] | None = None

    def get(self, target: Target) -> Item | None:
        """The item if it is here and still as the source has it."""
        kept = self._items.get(target.id)
        if kept is None or kept.content != self._content():
            return None
        return kept.item

    def coming(self, target: Target) -> Coming[Item] | None:
        """The item if it is being fetched right now, as the source has it."""
        coming = self._coming
        if coming is None or coming.target.id != target.id or coming.content != self._content():
            return None
        return coming

    def drop(self, target: Target) -> None:
        """Forget an item: what is kept of it, or is on its way, is no longer true."""
        if self._coming is not None and self._coming.target.id == target.id:
            self._coming = None
        self._items.pop(target.id, None)

    def keep(self, place: Place, item: Item) -> None:
        """Have an item ready for the way back."""
        self._keep(place, item, self._content())

    def fetch(self, cursor: ListCursor) -> None:
        """Have the next items of the list ready before anybody asks; what fails is not kept."""
        back = 0 <= cursor.place.position < self._position
        self._position = cursor.place.position
        self._fetch_next(cursor, [-delta if back else delta for delta in AHEAD], AHEAD_SECONDS)

    def _fetch_next(self, cursor: ListCursor, deltas: Sequence[int], delay: float = 0.0) -> None:
        """Fetch the first item, then the others: each is ready as soon as it comes."""
        if not deltas:
            return
        known, content = set(self._items), self._content()

        def ahead(token: CancelToken) -> tuple[Place, Item] | None:
            place = cursor.peek(deltas[0], token)
            if place is None or self._spans(place.row) > SPANS_AHEAD:
                return None
            target = self._target_of(place.row)
            if target.id in known:
                return None
            return place, self._fetched(Coming(target, content, Future()), token)

        def take(found: tuple[Place, Item] | None) -> None:
            if found is not None:
                self._keep(*found, content)
            self._fetch_next(cursor, deltas[1:])

        self._asker.ask(
            "ahead", ahead, take, failed=lambda error: self._fetch_next(cursor, deltas[1:]), delay=delay
        )

    def _fetched(self, coming: Coming[Item], token: CancelToken) -> Item:
        """Fetch an item, for whoever waits for it too."""
        self._coming = coming
        try:
            item = self._fetch(coming.target, token)
        except BaseException:
            coming.item.cancel()
            raise
        coming.item.set_result(item)
        return item

    def _keep(self, place: Place, item: Item, content: int) -> None:
        spans, name = self._spans(place.row), self._target_of(place.row).id
        if spans > SPANS_AHEAD:
            return
        self._items[name] = _Kept(item, content, spans)
        self._items.move_to_end(name)
        while len(self._items) > ITEMS_KEPT or sum(one.spans for one in self._items.values()) > SPANS_KEPT:
            self._items.popitem(last=False)
