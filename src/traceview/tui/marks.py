"""Marked rows of a list: some by id, or all of a query but some."""

from __future__ import annotations

from msgspec import Struct


class Marks(Struct, frozen=True):
    """`ids` are the marked ones, or with `all_but` the ones left out of everything that matches."""

    ids: frozenset[str] = frozenset()
    all_but: bool = False

    def __contains__(self, row_id: object) -> bool:
        return (row_id in self.ids) != self.all_but

    def count(self, matching: int) -> int:
        """How many rows are marked when so many match the filter."""
        return matching - len(self.ids) if self.all_but else len(self.ids)

    def toggled(self, row_id: str) -> Marks:
        """The marks with this row's turned over."""
        return Marks(self.ids ^ {row_id}, self.all_but)
