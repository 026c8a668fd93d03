"""Weighted rates: textbook cases by hand, and intervals that hold the truth as often as they say."""

from __future__ import annotations

import random
from statistics import fmean

import pytest

from traceview.analysis.estimate import Estimate
from traceview.analysis.intervals import wilson
from traceview.analysis.weighted import SampledItem, weighted_rate


def test_equal_chances_of_a_large_pool_are_a_plain_rate() -> None:
    """With a chance near 0 and no threads it is Wilson's interval but for n - 1, and Student's t (2.0227 for 39)."""
    items = [SampledItem(1e-9, n < 30) for n in range(40)]
    found = weighted_rate(items)
    assert found.value == pytest.approx(0.75)
    worth = 39 * (1.959964 / 2.022691) ** 2
    assert found.ci95 == pytest.approx(wilson(0.75 * worth, worth), abs=1e-5)


def test_strata_by_hand() -> None:
    """900 items of which 10 were drawn, 100 of which 20: (900 * 0.8 + 100 * 0.25) / 1000, and the textbook variance."""
    items = [SampledItem(10 / 900, n < 8, stratum="large") for n in range(10)]
    items += [SampledItem(20 / 100, n < 5, stratum="small") for n in range(20)]
    found = weighted_rate(items)
    assert found.value == pytest.approx(0.745)
    large = 0.9**2 * (1 - 10 / 900) * (0.8 * 0.2 * 10 / 9) / 10
    small = 0.1**2 * (1 - 20 / 100) * (0.25 * 0.75 * 20 / 19) / 20
    assert found.se == pytest.approx((large + small) ** 0.5)
    assert found.ci95 is not None and found.ci95[0] < 0.745 < found.ci95[1]


def test_what_was_certain_adds_no_error() -> None:
    certain = [SampledItem(1, n < 40) for n in range(50)]
    assert weighted_rate(certain) == Estimate(0.8, 0.0, (0.8, 0.8))
    drawn = [SampledItem(0.1, n % 2 == 0, stratum="random") for n in range(10)]
    both, alone = weighted_rate([*certain, *drawn]), weighted_rate(drawn)
    assert both.value == pytest.approx((40 + 50) / 150)
    assert both.se is not None and alone.se is not None
    assert both.se == pytest.approx(alone.se * 100 / 150, rel=0.15)


def test_unlabelled_items_are_like_the_rest_of_their_stratum() -> None:
    """Half of one stratum is labelled: its items stand for the other half, of which any may pass."""
    items = [SampledItem(1, True, stratum="a") for _ in range(10)]
    items += [SampledItem(1, False, stratum="b", labelled=n < 5) for n in range(10)]
    found = weighted_rate(items)
    assert found.value == pytest.approx(0.5)
    assert found.ci95 is not None
    assert found.ci95[0] == pytest.approx(0.5)
    assert 0.6 < found.ci95[1] < 0.75


def test_items_that_the_question_does_not_apply_to() -> None:
    items = [SampledItem(0.01, value) for value in (True, True, None, False, None)]
    found = weighted_rate(items)
    assert found.value == pytest.approx(2 / 3)
    assert found.ci95 is not None and 0 <= found.ci95[0] < 2 / 3 < found.ci95[1] <= 1


def test_likeness_within_threads_widens() -> None:
    """Ten threads of five items that are all the same are worth ten items, not fifty."""
    clusters = [SampledItem(0.01, thread < 6, cluster=thread) for thread in range(10) for _ in range(5)]
    alone = [SampledItem(0.01, thread < 6) for thread in range(10) for _ in range(5)]
    wide, narrow = weighted_rate(clusters), weighted_rate(alone)
    assert wide.value == pytest.approx(0.6) and narrow.value == pytest.approx(0.6)
    assert wide.se is not None and narrow.se is not None
    assert wide.se / narrow.se == pytest.approx(5**0.5, rel=0.1)


@pytest.mark.parametrize("value", [True, False])
def test_all_the_same_is_not_certain(value: bool) -> None:
    found = weighted_rate([SampledItem(0.1, value) for _ in range(20)])
    assert found.value == value
    far = wilson(20 * value, 20)
    assert found.ci95 is not None and far is not None
    assert found.ci95 == pytest.approx(far, abs=0.02)


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        ([], "nothing is labelled"),
        ([SampledItem(0.5, True, labelled=False)], "nothing is labelled"),
        ([SampledItem(0.5, None)], "nothing is labelled to which the question applies"),
        ([SampledItem(0.5, True), SampledItem(None, True)], "some items were picked by looking"),
    ],
)
def test_undefined(items: list[SampledItem], reason: str) -> None:
    found = weighted_rate(items)
    assert found.value is None and found.ci95 is None
    assert (found.reason or "").startswith(reason)


def test_intervals_hold_the_truth() -> None:
    """Two strata of 500, one drawn four times as densely and failing more: naive rates miss, weighted ones hold."""
    draw = random.Random(2)
    pool = [
        (stratum, draw.random() < (0.9 if stratum == "usual" else 0.4))
        for stratum in ("usual", "odd")
        for _ in range(500)
    ]
    truth = fmean(good for _, good in pool)
    held = naive_held = 0
    for _ in range(200):
        items = []
        for stratum, count in (("usual", 25), ("odd", 100)):
            drawn = draw.sample([good for name, good in pool if name == stratum], count)
            items += [SampledItem(count / 500, good, stratum=stratum) for good in drawn]
        ends = weighted_rate(items).ci95
        naive = wilson(sum(bool(item.value) for item in items), len(items))
        assert ends is not None and naive is not None
        held += ends[0] <= truth <= ends[1]
        naive_held += naive[0] <= truth <= naive[1]
    assert held >= 0.92 * 200
    assert naive_held < 0.5 * 200
