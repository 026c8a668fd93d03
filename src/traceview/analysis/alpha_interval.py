"""The interval of Krippendorff's alpha: what it would be had other items of the same kind been labelled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from traceview.analysis.alpha import Level, Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

DRAWS = 2_000
USABLE = 0.95
"""The share of draws that must have an alpha, for the interval to be told."""
CELLS = 4_000_000
"""Items times draws that are in memory at once."""


def alpha_interval(
    items: Sequence[Sequence[Value | None]],
    level: Level,
    order: Sequence[Value] = (),
    *,
    seed: int = 0,
    draws: int = DRAWS,
) -> tuple[float, float] | None:
    """The 95 % percentile interval of `krippendorff_alpha` when items are drawn again, with the same arguments.

    None where it is undefined in more than a twentieth of the draws: too few items, or hardly a value that differs.
    The same seed gives the same interval.
    """
    units = [found for values in items if len(found := [one for one in values if one is not None]) > 1]
    if not units:
        return None
    import numpy as np

    random = np.random.default_rng(seed)
    told = _moments(units) if level == "interval" else _coincidences(units, level, order)
    chunks: list[Floats] = []
    for start in range(0, draws, step := max(1, CELLS // len(units))):
        shape = (min(step, draws - start), len(units))
        times = random.multinomial(shape[1], np.full(shape[1], 1 / shape[1]), size=shape[0])
        sums = times @ told
        chunks.append(_alpha_of_moments(sums) if level == "interval" else _alpha_of_coincidences(sums, level))
    alphas: Floats = np.concatenate(chunks)
    alphas = alphas[~np.isnan(alphas)]
    if len(alphas) < USABLE * draws:
        return None
    low, high = np.quantile(alphas, (0.025, 0.975))
    return float(low), float(high)


def _moments(units: Sequence[Sequence[Value]]) -> Floats:
    """A row for each item: how many numbers, their sum, that of their squares, and how far they are apart."""
    import numpy as np

    numbers = [np.array(unit, dtype=float) for unit in units]
    # around the mean, so that squares of large numbers keep what they differ by
    middle = np.concatenate(numbers).mean()
    rows = []
    for unit in (one - middle for one in numbers):
        squares = (unit * unit).sum()
        apart = 2 * (len(unit) * squares - unit.sum() ** 2) / (len(unit) - 1)
        rows.append((len(unit), unit.sum(), squares, apart))
    return np.array(rows)


def _alpha_of_moments(sums: Floats) -> Floats:
    import numpy as np

    count, total, squares, apart = sums.T
    by_chance = 2 * (count * squares - total * total)
    # rounding leaves a little where all numbers are the same
    by_chance = np.where(by_chance > 1e-12 * count * count, by_chance, np.nan)
    return cast("Floats", 1 - (count - 1) * apart / by_chance)


def _coincidences(units: Sequence[Sequence[Value]], level: Level, order: Sequence[Value]) -> Floats:
    """A row for each item: how often each value meets each other one, in all pairs, over the values less one."""
    import numpy as np

    values = list(order) if level == "ordinal" else list(dict.fromkeys(one for unit in units for one in unit))
    at = {value: place for place, value in enumerate(values)}
    found = np.zeros((len(units), len(values), len(values)))
    for pairs, unit in zip(found, units, strict=True):
        counts = np.bincount([at[value] for value in unit], minlength=len(values))
        pairs += (np.outer(counts, counts) - np.diag(counts)) / (len(unit) - 1)
    return found.reshape(len(units), -1)


def _alpha_of_coincidences(sums: Floats, level: Level) -> Floats:
    import numpy as np

    size = round(sums.shape[1] ** 0.5)
    pairs = sums.reshape(-1, size, size)
    totals = pairs.sum(axis=2)
    count = totals.sum(axis=1)
    if level == "ordinal":
        ranks = totals.cumsum(axis=1) - totals / 2
        distance = (ranks[:, :, None] - ranks[:, None, :]) ** 2
    else:
        distance = np.broadcast_to(1 - np.eye(size), pairs.shape)
    apart = (pairs * distance).sum(axis=(1, 2))
    by_chance = np.einsum("di,dj,dij->d", totals, totals, distance)
    # rounding leaves a little where all values are the same
    by_chance = np.where(by_chance > 1e-9, by_chance, np.nan)
    return cast("Floats", 1 - (count - 1) * apart / by_chance)
