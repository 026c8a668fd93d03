"""Items kept ready: the neighbours in the list are fetched while an item is read, and those just read are kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
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
AHEAD = (1, 2, -1)
"""How far from the cursor in the list, in the direction of the last step, the items stand that are fetched ahead."""


@dataclass(frozen=True, slots=True)
class _Kept(Generic[Item]):
    item: Item
    content: int
    spans: int


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

    def get(self, target: Target) -> Item | None:
        """The item if it is here and still as the source has it."""
        kept = self._items.get(target.id)
        if kept is None or kept.content != self._content():
            return None
        return kept.item

    def drop(self, target: Target) -> None:
        """Forget an item: what is kept of it is no longer true."""
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
            return None if target.id in known else (place, self._fetch(target, token))

        def take(found: tuple[Place, Item] | None) -> None:
            if found is not None:
                self._keep(*found, content)
            self._fetch_next(cursor, deltas[1:])

        self._asker.ask(
            "ahead", ahead, take, failed=lambda error: self._fetch_next(cursor, deltas[1:]), delay=delay
        )

    def _keep(self, place: Place, item: Item, content: int) -> None:
        spans, name = self._spans(place.row), self._target_of(place.row).id
        if spans > SPANS_AHEAD:
            return
        self._items[name] = _Kept(item, content, spans)
        self._items.move_to_end(name)
        while len(self._items) > ITEMS_KEPT or sum(one.spans for one in self._items.values()) > SPANS_KEPT:
            self._items.popitem(last=False)
