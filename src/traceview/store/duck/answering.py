"""Which index answers which generation: a selection that was made from an older one keeps its index for a while."""

from __future__ import annotations

from traceview.store.duck.connection import Database
from traceview.store.duck.indexes import Index
from traceview.store.duck.queries import Queries

_KEPT = 3
"""How many indexes stay, the newest with them, for selections that were made from older ones."""


class Answering:
    """The indexes of the last generations; its owner lets one thread at a time in."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._by_generation: dict[int, Queries] = {}

    def of(self, generation: int) -> Queries | None:
        """The index of a generation; None if it is gone."""
        return self._by_generation.get(generation)

    def add(self, generation: int, queries: Queries) -> None:
        """Have an index answer a generation, and drop those that no selection in use can come from."""
        self._by_generation[generation] = queries
        kept: list[Index] = []
        gone: list[Index] = []
        for older in sorted(self._by_generation, reverse=True):
            index = self._by_generation[older].index
            if index in kept:
                continue
            if len(kept) < _KEPT:
                kept.append(index)
            else:
                del self._by_generation[older]
                if index not in gone:
                    gone.append(index)
        held = {segment for index in kept for segment in index.owned}
        for segment in dict.fromkeys(one for index in gone for one in index.owned):
            if segment not in held:
                self._database.execute(segment.drop)
