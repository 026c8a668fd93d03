"""Corrected rates and means against the worked examples of the design, hand-made ones, and simulated truth."""

from __future__ import annotations

import random
from statistics import fmean

import pytest

from traceview.analysis.agreement import Confusion
from traceview.analysis.correction import ppi_mean, ppi_weight, rogan_gladen, rogan_gladen_bootstrap

NEAR = 1e-6
WORKED = Confusion(tp=54, fn=6, fp=6, tn=34)
"""TPR 54/60, TNR 34/40."""


def test_worked_rogan_gladen() -> None:
    found = rogan_gladen(800, 1000, WORKED)
    assert found.observed.value == 0.8
    assert found.corrected.value == pytest.approx(0.866667, abs=NEAR)
    assert found.corrected.se == pytest.approx(0.048869, abs=NEAR)
    assert found.corrected.ci95 == pytest.approx((0.770886, 0.962448), abs=NEAR)
    assert not found.clipped and not found.warnings


def test_worked_rogan_gladen_of_fifty() -> None:
    """Fewer judged items widen it: the judged items are a sample too."""
    found = rogan_gladen(40, 50, WORKED).corrected
    assert found.value == pytest.approx(0.866667, abs=NEAR)
    assert found.se == pytest.approx(0.088276, abs=NEAR)
    assert found.ci95 == pytest.approx((0.693650, 1.0), abs=NEAR)


@pytest.mark.parametrize(
    ("passed", "judged", "low", "high"), [(800, 1000, 0.7794, 0.9777), (40, 50, 0.6914, 1.0)]
)
def test_bootstrap_of_all_three(passed: int, judged: int, low: float, high: float) -> None:
    """The figures of judges.md, which are of 10,000 draws of another seed: equal but for what draws differ by."""
    found = rogan_gladen_bootstrap(passed, judged, WORKED, seed=1)
    assert found.corrected.value == pytest.approx(0.866667, abs=NEAR)
    assert found.corrected.ci95 == pytest.approx((low, high), abs=0.006)
    assert found == rogan_gladen_bootstrap(passed, judged, WORKED, seed=1)
    assert found != rogan_gladen_bootstrap(passed, judged, WORKED, seed=2)


@pytest.mark.parametrize(
    ("labelled", "judged", "reason"),
    [
        (Confusion(95, 0, 5, 0), 100, "no better than chance: TPR 1.000 + TNR 0.000"),
        (Confusion(5, 5, 10, 10), 100, "no better than chance"),
        (Confusion(1, 9, 9, 1), 100, "no better than chance"),
        (Confusion(0, 0, 3, 7), 100, "nothing truly passes among the labels"),
        (Confusion(9, 1, 0, 0), 100, "nothing truly fails among the labels"),
        (WORKED, 0, "nothing was judged"),
    ],
)
def test_refused_with_the_reason(labelled: Confusion, judged: int, reason: str) -> None:
    """The prevalence paradox is the first: a judge that always says pass corrects nothing."""
    for found in (rogan_gladen(judged, judged, labelled), rogan_gladen_bootstrap(judged, judged, labelled)):
        assert found.corrected.value is None and found.corrected.ci95 is None
        assert reason in (found.corrected.reason or "")
        assert found.observed.value == (1 if judged else None)


def test_bootstrap_refused_where_draws_tell_nothing() -> None:
    """Nine labels of a judge barely better than chance: the delta method has a figure, the draws have none."""
    weak = Confusion(3, 2, 2, 2)
    assert rogan_gladen(50, 100, weak).corrected.value == pytest.approx(0)
    found = rogan_gladen_bootstrap(50, 100, weak).corrected
    assert found.value is None
    assert "needs more labels" in (found.reason or "")


def test_clipped_is_said() -> None:
    found = rogan_gladen(990, 1000, WORKED)
    assert found.clipped
    assert found.corrected.value == 1
    assert "1.120" in found.warnings[0]
    low, high = found.corrected.ci95 or (0, 0)
    assert 0 <= low <= high <= 1


@pytest.mark.parametrize(
    ("labelled", "warnings"),
    [
        (WORKED, []),
        (Confusion(27, 2, 3, 37), ["only 29 labels are pass: below 30"]),
        (Confusion(36, 4, 2, 17), ["only 19 labels are fail: exploratory"]),
        (Confusion(40, 20, 12, 28), ["TPR + TNR - 1 is 0.37, below 0.4"]),
    ],
)
def test_warnings(labelled: Confusion, warnings: list[str]) -> None:
    found = rogan_gladen(500, 1000, labelled).warnings
    assert len(found) == len(warnings)
    assert all(said.startswith(wanted) for said, wanted in zip(found, warnings, strict=True))


def test_interval_holds_the_truth() -> None:
    """Of 300 simulated judges 95 % of the intervals hold the true pass rate, and the raw rate is mostly outside."""
    draw = random.Random(4)
    held = raw = 0
    for _ in range(300):
        truth = [draw.random() < 0.7 for _ in range(700)]
        said = [draw.random() < (0.95 if good else 0.3) for good in truth]
        pairs = list(zip(truth[:200], said[:200], strict=True))
        table = Confusion(
            *(pairs.count(cell) for cell in ((True, True), (True, False), (False, True), (False, False)))
        )
        found = rogan_gladen(sum(said[200:]), 500, table)
        for estimate, name in ((found.corrected, "held"), (found.observed, "raw")):
            assert estimate.ci95 is not None
            if estimate.ci95[0] <= 0.7 <= estimate.ci95[1]:
                held, raw = held + (name == "held"), raw + (name == "raw")
    assert held >= 0.92 * 300
    assert raw < 0.3 * held


def test_ppi_by_hand() -> None:
    """mean(judged) 3, errors -1, 0, 1, 2 of mean 0.5: variances 2/4 and 1.25/4."""
    found = ppi_mean([1, 3, 3, 5], [2, 2, 3, 3], [1, 2, 4, 5]).corrected
    assert found.value == pytest.approx(3.5)
    assert found.se == pytest.approx((2 / 4 + 1.25 / 4) ** 0.5)
    assert found.ci95 == pytest.approx((3.5 - 1.959964 * found.se, 3.5 + 1.959964 * found.se), abs=NEAR)


def test_ppi_weights() -> None:
    judged, said, truth = [1.0, 3.0, 3.0, 5.0], [2.0, 2.0, 3.0, 3.0], [1.0, 2.0, 4.0, 5.0]
    assert ppi_mean(judged, said, truth, weight=0).corrected.value == fmean(truth)
    # covariance 1, variance of the eight judged numbers 9.5 / 7, as many judged as labelled
    assert ppi_weight(judged, said, truth) == pytest.approx(1 / (2 * 9.5 / 7))
    assert ppi_weight(judged, said, [5.0, 4.0, 2.0, 1.0]) == 0
    assert ppi_weight(judged, [3.0] * 4, truth) == 0
    assert ppi_weight([3.0], [3.0] * 4, truth) == 0
    best = ppi_mean(judged, said, truth, weight=None)
    assert best == ppi_mean(judged, said, truth, weight=ppi_weight(judged, said, truth))
    assert best.corrected.se is not None
    assert best.warnings == ("only 4 items have labels: below 30 the interval is rough",)


@pytest.mark.parametrize(
    ("judged", "said", "truth", "reason"),
    [([], [1.0, 2.0], [1.0, 2.0], "nothing was judged"), ([1.0], [2.0], [2.0], "fewer than two items")],
)
def test_ppi_refused(judged: list[float], said: list[float], truth: list[float], reason: str) -> None:
    for weight in (1.0, None):
        found = ppi_mean(judged, said, truth, weight=weight).corrected
        assert found.value is None
        assert reason in (found.reason or "")
    with pytest.raises(ValueError, match="every labelled item"):
        ppi_mean([1.0], [1.0], [1.0, 2.0])


def test_ppi_is_narrower_than_labels_alone() -> None:
    """A judge that follows the truth, and is off by a half, on 2,000 items: no bias, half the width of 50 labels."""
    draw = random.Random(11)

    def item() -> tuple[float, float]:
        truth = draw.gauss(3, 1)
        return truth + 0.5 + draw.gauss(0, 0.3), truth

    labelled, rest = [item() for _ in range(50)], [item() for _ in range(2000)]
    said, truth = [one for one, _ in labelled], [two for _, two in labelled]
    judged = [one for one, _ in rest]
    best, alone = (ppi_mean(judged, said, truth, weight=weight).corrected for weight in (None, 0.0))
    assert best.se is not None and alone.se is not None and best.value is not None
    assert best.se < alone.se / 2
    assert abs(best.value - 3) < 3 * best.se
    assert ppi_mean(judged, said, truth).observed.value == pytest.approx(3.5, abs=0.1)
