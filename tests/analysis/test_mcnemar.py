"""McNemar's exact test against sums of whole numbers."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traceview.analysis.mcnemar import NO_DIFFERENCE, mcnemar


def plainly(gained: int, lost: int) -> tuple[float, float]:
    """Two-sided and one-sided, by the definition."""
    n = gained + lost
    chances = [Fraction(comb(n, k), 2**n) for k in range(n + 1)]
    return float(min(1, 2 * sum(chances[: min(gained, lost) + 1]))), float(sum(chances[: gained + 1]))


@given(st.integers(0, 60), st.integers(0, 60))
def test_is_the_binomial_sum(gained: int, lost: int) -> None:
    found = mcnemar(gained, lost)
    if not gained + lost:
        assert (found.p, found.p_loss, found.reason) == (None, None, NO_DIFFERENCE)
    else:
        assert (found.p, found.p_loss) == pytest.approx(plainly(gained, lost), abs=1e-15)
        assert mcnemar(lost, gained).p == found.p


@pytest.mark.parametrize(
    ("gained", "lost"), [(480, 521), (1_000, 1_001), (1_200, 1_000), (0, 2_000), (2_000, 0)]
)
def test_many_are_summed_by_logarithms(gained: int, lost: int) -> None:
    found = mcnemar(gained, lost)
    assert (found.p, found.p_loss) == pytest.approx(plainly(gained, lost), rel=1e-9)


@pytest.mark.parametrize(
    ("gained", "lost", "p"),
    [(1, 0, 1.0), (5, 0, 0.0625), (6, 0, 0.03125), (8, 2, 0.109375), (10, 10, 1.0)],
)
def test_known_values(gained: int, lost: int, p: float) -> None:
    assert mcnemar(gained, lost).p == p


def test_counts_below_zero_are_refused() -> None:
    with pytest.raises(ValueError, match="not below 0"):
        mcnemar(-1, 3)
