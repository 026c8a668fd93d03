"""The cells of a judge's table: which items are behind each, those where the judge and people differ first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from msgspec import Struct

from traceview.annotation.values import format_value
from traceview.judges.calibration import CELLS, Calibration, Compared
from traceview.model.labels import Target


class TableCell(Struct, frozen=True):
    """A cell of the table: its name, whether the two agree there, the items that may be seen, how many may not."""

    name: str
    agrees: bool
    items: tuple[Compared, ...]
    hidden: int = 0

    @property
    def count(self) -> int:
        """All items that are in the cell."""
        return len(self.items) + self.hidden


NAMES = {"tp": "both pass", "fn": "only people pass", "fp": "only the judge passes", "tn": "both fail"}
ORDER = ("fp", "fn", "tp", "tn")
"""Where the two differ comes first."""


def cells_of(found: Calibration, seen: Collection[Target] | None = None) -> tuple[TableCell, ...]:
    """The cells of the table, those of disagreement first; of several values only those that have items.

    Items that are not in `seen`, if given, are counted and hidden.
    """
    shape = found.evidence.shape
    if found.confusion is not None:
        by_cell: dict[str, list[Compared]] = {cell: [] for cell in CELLS}
        for one in found.evidence.compared:
            cell = one.cell(shape)
            if cell is not None:
                by_cell[cell].append(one)
        return tuple(_cell(NAMES[cell], cell in ("tp", "tn"), by_cell[cell], seen) for cell in ORDER)
    by_pair: dict[tuple[str, str], list[Compared]] = defaultdict(list)
    for one in found.evidence.compared:
        by_pair[format_value(one.truth), format_value(one.said)].append(one)
    ordered = sorted(
        by_pair.items(), key=lambda entry: (entry[0][0] == entry[0][1], -len(entry[1]), entry[0])
    )
    return tuple(
        _cell(f"people {truth}, judge {said}", truth == said, items, seen) for (truth, said), items in ordered
    )


def _cell(name: str, agrees: bool, items: Sequence[Compared], seen: Collection[Target] | None) -> TableCell:
    shown = tuple(one for one in items if seen is None or one.target in seen)
    return TableCell(name, agrees, shown, len(items) - len(shown))
