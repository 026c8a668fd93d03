"""Items kept ready: the neighbours in the list are fetched while an item is read."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from traceview.model.labels import Target
from traceview.store.interface import CancelToken
from traceview.tui.asking import Asking
from traceview.tui.cursor import ListCursor

Item = TypeVar("Item")

ITEMS_KEPT = 4
AHEAD_SECONDS = 0.05
AHEAD = (1, 2)
"""How far from the cursor in the list the items stand that are fetched ahead."""


class ItemsAhead(Generic[Item]):
    """A few items by their ids, fetched by questions of `asker` on the channel `ahead`.

    `fetch` gets a whole item in a worker; `target_of` tells which one a row of the list is.
    """

    def __init__(
        self,
        asker: Asking,
        target_of: Callable[[dict[str, Any]], Target],
        fetch: Callable[[Target, CancelToken], Item],
    ) -> None:
        self._asker = asker
        self._target_of = target_of
        self._fetch = fetch
        self._items: OrderedDict[str, Item] = OrderedDict()

    def get(self, target: Target) -> Item | None:
        """The item if it is here."""
        return self._items.get(target.id)

    def drop(self, target: Target) -> None:
        """Forget an item: it is shown now, or what is kept of it is no longer true."""
        self._items.pop(target.id, None)

    def fetch(self, cursor: ListCursor) -> None:
        """Have the next items of the list ready before anybody asks; what fails is not kept."""
        known = set(self._items)

        def ahead(token: CancelToken) -> list[tuple[str, Item]]:
            found = []
            for delta in AHEAD:
                place = cursor.peek(delta, token)
                if place is not None:
                    target = self._target_of(place.row)
                    if target.id not in known:
                        found.append((target.id, self._fetch(target, token)))
            return found

        self._asker.ask("ahead", ahead, self._keep, failed=lambda error: None, delay=AHEAD_SECONDS)

    def _keep(self, found: list[tuple[str, Item]]) -> None:
        self._items.update(found)
        while len(self._items) > ITEMS_KEPT:
            self._items.popitem(last=False)
