"""Agreement of annotators against the worked examples of the design, and of a judge against the truth."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traceview.analysis.agreement import (
    Confusion,
    Weights,
    cohen_kappa,
    observed_agreement,
    table_of,
)
from traceview.analysis.estimate import Estimate

NEAR = 1e-6
THREE_CLASSES = [[20, 5, 1], [4, 15, 6], [0, 3, 16]]


def test_worked_binary() -> None:
    """judges.md section 3, the first row, whole."""
    table = Confusion(tp=11, fn=1, fp=2, tn=6)
    assert table.tpr.value == pytest.approx(0.916667, abs=NEAR)
    assert table.tnr.value == pytest.approx(0.75, abs=NEAR)
    assert table.accuracy.value == pytest.approx(0.85, abs=NEAR)
    assert table.kappa.value == pytest.approx(0.680851, abs=NEAR)
    assert table.mcc.value == pytest.approx(0.684737, abs=NEAR)
    assert table.tpr.ci95 == pytest.approx((0.646120, 0.985135), abs=NEAR)
    assert table.tnr.ci95 == pytest.approx((0.409275, 0.928521), abs=NEAR)


@pytest.mark.parametrize(
    ("weights", "kappa"), [("none", 0.592525), ("linear", 0.675776), ("quadratic", 0.760349)]
)
def test_worked_three_classes(weights: Weights, kappa: float) -> None:
    found = cohen_kappa(THREE_CLASSES, weights)
    assert found.value == pytest.approx(kappa, abs=NEAR)
    if weights == "none":
        assert found.ci95 == pytest.approx((0.436516, 0.748533), abs=NEAR)


def test_worked_prevalence_paradox() -> None:
    table = Confusion(tp=95, fn=0, fp=5, tn=0)
    assert table.accuracy.value == 0.95
    assert table.kappa.value == 0
    assert table.tnr.value == 0
    assert table.mcc == Estimate(
        None, reason="all of the truth, or all that was said, is one and the same value"
    )


def test_worked_both_constant() -> None:
    """Undefined is None with a reason: never 0, 1 or NaN."""
    table = Confusion(tp=30, fn=0, fp=0, tn=0)
    assert table.kappa.value is None
    assert "one and the same value" in (table.kappa.reason or "")
    assert table.kappa.ci95 is None
    assert table.tnr == Estimate(None, reason="nothing truly fails")
    assert table.accuracy.value == 1


@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
def test_nothing_counted(weights: Weights) -> None:
    assert cohen_kappa([[0, 0], [0, 0]], weights).reason == "no item has a value of both"
    assert cohen_kappa([], weights).value is None
    assert observed_agreement([]).value is None
    assert Confusion(0, 0, 0, 0).accuracy.value is None


def test_table_in_the_order_of_the_categories() -> None:
    pairs = [("low", "high"), ("mid", "mid"), ("low", "low"), ("low", "high")]
    assert table_of(pairs, ["low", "mid", "high"]) == [[1, 0, 2], [0, 1, 0], [0, 0, 0]]
    assert table_of(pairs) == [[1, 2, 0], [0, 0, 0], [0, 0, 1]]


TABLES = st.integers(2, 4).flatmap(
    lambda size: st.lists(
        st.lists(st.integers(0, 9), min_size=size, max_size=size), min_size=size, max_size=size
    )
)


@given(TABLES, st.sampled_from(["none", "linear", "quadratic"]))
def test_kappa_whoever_comes_first(table: list[list[int]], weights: Weights) -> None:
    """Turning the table round, and the scale, changes nothing; the interval holds the value."""
    found = cohen_kappa(table, weights)
    other = cohen_kappa([list(column) for column in zip(*table, strict=True)], weights)
    upside_down = cohen_kappa([row[::-1] for row in table[::-1]], weights)
    if found.value is None:
        assert found.reason and other.value is upside_down.value is None
        return
    assert found.ci95 is not None and found.ci95[0] <= found.value <= found.ci95[1]
    assert found.ci95[0] >= -1 and found.ci95[1] <= 1
    assert other.value == pytest.approx(found.value)
    assert upside_down.value == pytest.approx(found.value)


@given(TABLES)
def test_kappa_by_the_textbook(table: list[list[int]]) -> None:
    """(po - pe) / (1 - pe) in fractions; kappa is exactly 0 and 1 where it is."""
    count = sum(map(sum, table))
    rows, columns = [sum(row) for row in table], [sum(column) for column in zip(*table, strict=True)]
    if not count or sum(r * c for r, c in zip(rows, columns, strict=True)) == count**2:
        assert cohen_kappa(table).value is None
        return
    agreed = Fraction(sum(row[at] for at, row in enumerate(table)), count)
    chance = Fraction(sum(r * c for r, c in zip(rows, columns, strict=True)), count**2)
    kappa = (agreed - chance) / (1 - chance)
    found = cohen_kappa(table).value
    assert found == pytest.approx(float(kappa))
    if kappa in (0, 1):
        assert found == kappa
    assert observed_agreement(table).value == pytest.approx(float(agreed))
