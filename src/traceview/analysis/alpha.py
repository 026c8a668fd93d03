"""Krippendorff's alpha: the agreement of any number of annotators who need not have labelled every item."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from fractions import Fraction
from typing import Literal, cast

from traceview.analysis.estimate import Estimate, undefined

Level = Literal["nominal", "ordinal", "interval"]
"""What two values differ by: whether they are the same, the ranks between them, or their distance."""

Value = Hashable
Distance = Callable[[Value, Value], Fraction]


def krippendorff_alpha(
    items: Iterable[Sequence[Value | None]], level: Level, order: Sequence[Value] = ()
) -> Estimate:
    """alpha = 1 - Do / De over the values of each item, one for each annotator, None where one is missing.

    Items with fewer than two values tell nothing and are left out. `order` has every value of an ordinal scale from the
    lowest up; an interval scale has numbers, its distance is the square of the difference. Krippendorff, Content
    Analysis (2004), chapter 11. Without an interval.
    """
    units = [found for values in items if len(found := [one for one in values if one is not None]) > 1]
    if not units:
        return undefined("no item has values of two")
    totals = Counter(value for unit in units for value in unit)
    if len(totals) == 1:
        return undefined("every value is the same: chance alone explains all of it")
    count = totals.total()
    if level == "interval":
        apart = sum((_squares(_numbers(unit)) / (len(unit) - 1) for unit in units), Fraction())
        by_chance = _squares(_numbers(totals.elements()))
    else:
        distance = _ranks_between(totals, order) if level == "ordinal" else _differs
        apart = sum((_over_pairs(Counter(unit), distance) / (len(unit) - 1) for unit in units), Fraction())
        by_chance = _over_pairs(totals, distance)
    return Estimate(float(1 - (count - 1) * apart / by_chance))


def _over_pairs(counts: Counter[Value], distance: Distance) -> Fraction:
    """The sum of the distances of all ordered pairs."""
    pairs = counts.items()
    return sum(
        (n * m * distance(one, other) for one, n in pairs for other, m in pairs if one != other), Fraction()
    )


def _numbers(values: Iterable[Value]) -> list[Fraction]:
    return [Fraction(cast(float, value)) for value in values]


def _squares(numbers: Sequence[Fraction]) -> Fraction:
    """The sum of the squared differences of all ordered pairs: 2 (n sum(x^2) - sum(x)^2)."""
    total = sum(numbers, Fraction())
    return 2 * (len(numbers) * sum((number * number for number in numbers), Fraction()) - total * total)


def _differs(one: Value, other: Value) -> Fraction:
    return Fraction(one != other)


def _ranks_between(totals: Counter[Value], order: Sequence[Value]) -> Distance:
    """The square of how many values lie from one to the other, those of both ends counted half."""
    below: dict[Value, Fraction] = {}
    so_far = Fraction()
    for value in order:
        below[value] = so_far + Fraction(totals[value], 2)
        so_far += totals[value]
    return lambda one, other: (below[one] - below[other]) ** 2
