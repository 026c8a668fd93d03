"""McNemar's test of two versions on the same items: only the items on which they differ tell anything."""

from __future__ import annotations

from math import comb, exp, lgamma, log

from msgspec import Struct

EXACT_UP_TO = 1_000
"""Differing items up to which the sum is made of whole numbers; above, of logarithms, right to 10 digits."""

NO_DIFFERENCE = "no item differs: there is nothing to test"


class McNemar(Struct, frozen=True):
    """`gained` items are good in the second only, `lost` in the first only.

    `p` is the two-sided exact p-value that each way is as likely, `p_loss` the one-sided one that losses are no more
    likely than gains; None, with the reason, where no item differs.
    """

    gained: int
    lost: int
    p: float | None
    p_loss: float | None
    reason: str | None = None


def mcnemar(gained: int, lost: int) -> McNemar:
    """The exact test (McNemar, 1947, with the binomial distribution): P(X <= the smaller), doubled, X ~ B(n, 1/2).

    Raises ValueError for counts below 0.
    """
    if gained < 0 or lost < 0:
        raise ValueError("counts are not below 0")
    count = gained + lost
    if not count:
        return McNemar(0, 0, None, None, NO_DIFFERENCE)
    smaller = _at_most(min(gained, lost), count)
    return McNemar(gained, lost, min(1.0, 2 * smaller), _at_most(gained, count))


def _at_most(k: int, n: int) -> float:
    """P(X <= k) of n throws of a fair coin."""
    if n <= EXACT_UP_TO:
        return sum(comb(n, i) for i in range(k + 1)) / (1 << n)
    if 2 * k >= n:
        # the far end is short
        return 1.0 - (_at_most(n - k - 1, n) if k < n else 0.0)
    total = 0.0
    for i in range(k, -1, -1):
        part = exp(lgamma(n + 1) - lgamma(i + 1) - lgamma(n - i + 1) - n * log(2))
        total += part
        if part < total * 1e-17:
            break
    return total
