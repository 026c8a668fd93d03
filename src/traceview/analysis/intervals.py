"""Confidence intervals of proportions."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

Z95 = NormalDist().inv_cdf(0.975)


def wilson(k: float, n: float, z: float = Z95) -> tuple[float, float] | None:
    """The Wilson score interval of `k` of `n`, both ends within 0 and 1; None if nothing was counted.

    Of items that weigh differently both may be fractions: as many as would have the same variance.
    """
    if n <= 0:
        return None
    rate = k / n
    spread = z * sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    centre, scale = rate + z * z / (2 * n), 1 + z * z / n
    # none and all of n: the ends are exact, whatever rounding makes of them
    low = 0.0 if k == 0 else (centre - spread) / scale
    high = 1.0 if k == n else (centre + spread) / scale
    return max(0.0, low), min(1.0, high)


def items_for(rate: float, half_width: float) -> int:
    """The fewest items of which the Wilson 95 % interval around `rate` is at most twice `half_width` wide.

    Raises ValueError for a half-width that is not within 0 and 0.5.
    """
    if not 0 < half_width < 0.5:
        raise ValueError("a half-width is between 0 and 0.5")

    def fits(n: int) -> bool:
        ends = wilson(rate * n, n)
        return ends is not None and ends[1] - ends[0] <= 2 * half_width

    high = 1
    while not fits(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high
