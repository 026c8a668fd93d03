"""How far a number is from what is usual, in spreads that the odd ones themselves do not widen."""

from __future__ import annotations

from collections.abc import Sequence
from math import log1p
from statistics import fmean, median

MAD_TO_SIGMA = 0.67449
"""The median distance from the median of normal numbers, in standard deviations."""
MEAN_TO_SIGMA = 1.2533
"""The standard deviation of normal numbers, in mean distances from the median."""


def robust_z(numbers: Sequence[float]) -> list[float]:
    """0.67449 (x - median) / MAD of each number (Iglewicz and Hoaglin, 1993).

    Where more than half of the numbers are the same, MAD is 0 and the mean distance, times 1.2533, stands in for it;
    where all are, every z is 0.
    """
    if not numbers:
        return []
    centre = median(numbers)
    distances = [abs(number - centre) for number in numbers]
    spread = median(distances) / MAD_TO_SIGMA or fmean(distances) * MEAN_TO_SIGMA
    return [(number - centre) / spread if spread else 0.0 for number in numbers]


def robust_z_of_sizes(sizes: Sequence[float]) -> list[float]:
    """`robust_z` on a logarithmic scale, for what is never negative and spans powers of ten: times, tokens, lengths."""
    return robust_z([log1p(max(0.0, size)) for size in sizes])
