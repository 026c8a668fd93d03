"""How often a judge is right, weighted by chances: by hand, and over many samples that seek its errors."""

from __future__ import annotations

import random
from statistics import fmean

import pytest

from traceview.judges.calibration import Evidence, calibrate
from traceview.judges.calibration_words import weighted_lines
from traceview.judges.weighing import Drawn, weigh
from traceview.model.judges import ScoreShape

BOOLEAN = ScoreShape("boolean", allow_na=True)


def by_hand() -> list[Drawn]:
    sought = [
        Drawn(1.0, "disagreement", truth=True, said=False, sought=True),
        Drawn(1.0, "disagreement", truth=False, said=True, sought=True),
    ]
    # four of sixteen: each stands for four
    chance = [Drawn(0.25, "random", truth=one, said=one) for one in (True, True, True, False)]
    return [*sought, *chance]


def test_by_hand() -> None:
    found = weigh(by_hand(), BOOLEAN)
    assert found is not None and (found.count, found.sought) == (6, 2)
    # of passes 3 * 4 of 3 * 4 + 1, of fails 4 of 4 + 1, of all 16 of 18; worth sum(w)^2 / sum(w^2)
    assert (found.tpr.rate.value, found.tpr.effective) == pytest.approx((12 / 13, 169 / 49))
    assert (found.tnr.rate.value, found.tnr.effective) == pytest.approx((4 / 5, 25 / 17))
    assert (found.accuracy.rate.value, found.effective) == pytest.approx((16 / 18, 324 / 66))
    assert (found.tpr.count, found.tnr.count, found.accuracy.count) == (4, 2, 6)


def test_what_does_not_count_and_what_does_not_apply() -> None:
    # half of those that chance picked are not labelled: those that are stand for twice as many
    half = [*by_hand(), *(Drawn(0.25, "random", counts=False) for _ in range(4))]
    found = weigh(half, BOOLEAN)
    assert found is not None and found.tpr.rate.value == pytest.approx(24 / 25)
    # one to which the question does not apply stands for others like it
    found = weigh([*half[:-1], Drawn(0.25, "random", truth="n/a", said=True)], BOOLEAN)
    assert found is not None and found.tpr.rate.value == pytest.approx(3 * 32 / 5 / (3 * 32 / 5 + 1))
    assert found.count == 6


def test_equal_chances_need_no_weights() -> None:
    assert weigh([Drawn(0.1, truth=True, said=True), Drawn(0.1, truth=True, said=False)], BOOLEAN) is None
    assert weigh([], BOOLEAN) is None


def test_many_samples_that_seek_the_errors() -> None:
    """2,000 items; of those where a second opinion differs, mostly errors, 60 are sought, of the rest 120 by chance."""
    rng = random.Random(7)
    items = []
    for _ in range(2_000):
        truth = rng.random() < 0.7
        right = rng.random() < (0.9 if truth else 0.8)
        items.append((truth, truth == right, rng.random() < (0.02 if right else 0.3)))
    tpr = fmean(said for truth, said, _ in items if truth)
    tnr = fmean(not said for truth, said, _ in items if not truth)
    disputed = [one for one in items if one[2]][:60]
    rest = [one for one in items if not one[2]] + [one for one in items if one[2]][60:]
    found, naive, held = [], [], 0
    for _ in range(200):
        drawn = [Drawn(1.0, "sought", truth=t, said=s, sought=True) for t, s, _ in disputed]
        drawn += [Drawn(120 / len(rest), "random", truth=t, said=s) for t, s, _ in rng.sample(rest, 120)]
        told = weigh(drawn, BOOLEAN)
        assert told is not None and told.tpr.rate.value is not None and told.tnr.rate.value is not None
        found.append((told.tpr.rate.value, told.tnr.rate.value))
        naive.append(fmean(one.said is True for one in drawn if one.truth))
        low, high = told.tpr.rate.ci95 or (1.0, 0.0)
        held += low <= tpr <= high
    assert fmean(one for one, _ in found) == pytest.approx(tpr, abs=0.01)
    assert fmean(one for _, one in found) == pytest.approx(tnr, abs=0.015)
    assert fmean(naive) < tpr - 0.1
    assert held >= 182


def test_in_words() -> None:
    drawn = [Drawn(1.0, "sought", truth=True, said=False, sought=True) for _ in range(10)]
    drawn += [Drawn(0.5, "random", truth=True, said=True) for _ in range(60)]
    drawn += [Drawn(0.5, "random", truth=False, said=False) for _ in range(5)]
    lines = weighted_lines(calibrate(Evidence("j", "good", "abc", BOOLEAN, "all", (), drawn=drawn)))
    assert lines[0] == (
        "of all that sessions drew from, each item weighted by 1 / its chance: 75 items, 10 of them sought, "
        "worth 72.6 of equal weight"
    )
    assert lines[1].startswith("  TPR       0.923, 95 % 0.")
    assert lines[1].endswith("(n 70, effective n 67.6)")
    assert lines[2] == "  TNR       n 5, effective n 5.0: too few for a rate"
