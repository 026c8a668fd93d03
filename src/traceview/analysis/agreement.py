"""Agreement of two annotators: observed, Cohen's kappa, and the figures of a pass and fail table.

Counts are integers until the last division, so that a figure that is 0 or 1 is so exactly.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from math import sqrt
from typing import Literal

from msgspec import Struct

from traceview.analysis.estimate import Estimate, around, undefined
from traceview.analysis.intervals import Z95, wilson

Weights = Literal["none", "linear", "quadratic"]
"""How far apart two categories are: all the same, by their distance in the order, or by its square."""

NO_ITEMS = "no item has a value of both"
ONE_VALUE = "both gave one and the same value to every item: chance alone explains all of it"


def table_of(
    pairs: Iterable[tuple[Hashable, Hashable]], categories: Sequence[Hashable] | None = None
) -> list[list[int]]:
    """How often each value of the first meets each value of the second: rows are the first's values.

    In the order of `categories`, which has every value; without it, in the order in which they come.
    """
    counted = list(pairs)
    order = dict.fromkeys(value for pair in counted for value in pair) if categories is None else categories
    at = {value: index for index, value in enumerate(order)}
    table = [[0] * len(at) for _ in at]
    for first, second in counted:
        table[at[first]][at[second]] += 1
    return table


def observed_agreement(table: Sequence[Sequence[int]]) -> Estimate:
    """The share of items on which both said the same, with its Wilson interval."""
    return _share(sum(table[at][at] for at in range(len(table))), sum(map(sum, table)), NO_ITEMS)


def cohen_kappa(table: Sequence[Sequence[int]], weights: Weights = "none") -> Estimate:
    """Cohen's kappa of a square table of counts, weighted where the categories are in order.

    kappa = 1 - sum(d * O) / sum(d * E) with the distance d. The standard error is that of Fleiss, Cohen and Everitt
    (1969), for large samples; the interval is cut at -1 and 1.
    """
    size = len(table)
    count = sum(map(sum, table))
    if not count:
        return undefined(NO_ITEMS)
    rows = [sum(row) for row in table]
    columns = [sum(row[at] for row in table) for at in range(size)]
    cells = [(i, j) for i in range(size) for j in range(size)]
    distance = [[_distance(i, j, weights) for j in range(size)] for i in range(size)]
    apart = sum(distance[i][j] * table[i][j] for i, j in cells)
    by_chance = sum(distance[i][j] * rows[i] * columns[j] for i, j in cells)
    if not by_chance:
        return undefined(ONE_VALUE)
    kappa = 1 - count * apart / by_chance
    widest = max(map(max, distance))
    near = [[1 - distance[i][j] / widest for j in range(size)] for i in range(size)]
    expected = sum(near[i][j] * rows[i] * columns[j] for i, j in cells) / count**2
    of_row = [sum(near[i][j] * columns[j] for j in range(size)) / count for i in range(size)]
    of_column = [sum(near[i][j] * rows[i] for i in range(size)) / count for j in range(size)]
    spread = sum(
        table[i][j] / count * (near[i][j] - (of_row[i] + of_column[j]) * (1 - kappa)) ** 2 for i, j in cells
    )
    variance = (spread - (kappa - expected * (1 - kappa)) ** 2) / (count * (1 - expected) ** 2)
    return around(kappa, sqrt(max(0.0, variance)), Z95, -1.0, 1.0)


class Confusion(Struct, frozen=True):
    """Counts of a judge against the truth: `tp` and `tn` are right, pass is the positive class."""

    tp: int
    fn: int
    fp: int
    tn: int

    @property
    def count(self) -> int:
        """Items in all."""
        return self.tp + self.fn + self.fp + self.tn

    @property
    def tpr(self) -> Estimate:
        """The share of what truly passes that is called so, with its Wilson interval."""
        return _share(self.tp, self.tp + self.fn, "nothing truly passes")

    @property
    def tnr(self) -> Estimate:
        """The share of what truly fails that is called so, with its Wilson interval."""
        return _share(self.tn, self.tn + self.fp, "nothing truly fails")

    @property
    def accuracy(self) -> Estimate:
        """The share of items that are right, with its Wilson interval."""
        return _share(self.tp + self.tn, self.count, NO_ITEMS)

    @property
    def kappa(self) -> Estimate:
        """Cohen's kappa of the judge and the truth."""
        return cohen_kappa([[self.tp, self.fn], [self.fp, self.tn]])

    @property
    def mcc(self) -> Estimate:
        """The correlation coefficient of Matthews (1975), without an interval."""
        product = (self.tp + self.fp) * (self.tp + self.fn) * (self.tn + self.fp) * (self.tn + self.fn)
        if not product:
            return undefined("all of the truth, or all that was said, is one and the same value")
        return Estimate((self.tp * self.tn - self.fp * self.fn) / sqrt(product))


def _share(k: int, n: int, reason: str) -> Estimate:
    return Estimate(k / n, ci95=wilson(k, n)) if n else undefined(reason)


def _distance(i: int, j: int, weights: Weights) -> int:
    if weights == "none":
        return int(i != j)
    return abs(i - j) if weights == "linear" else (i - j) ** 2
