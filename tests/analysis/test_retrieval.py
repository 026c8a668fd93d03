"""Figures of rankings: worked examples, what is not judged, and what must hold of every ranking."""

from __future__ import annotations

from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traceview.analysis.retrieval import (
    Ranking,
    figures,
    hit_at,
    ndcg_at,
    precision_at,
    recall_at,
    reciprocal_rank,
)

# Jarvelin and Kekalainen's example of gains, as in many text books: DCG of 3 2 3 0 1 2 is 6.861, the best order 7.141.
GRADED = (3.0, 2.0, 3.0, 0.0, 1.0, 2.0)


def test_worked_examples() -> None:
    yes_no = (1.0, 0.0, 1.0, 0.0, 0.0)
    assert precision_at(yes_no, 3) == pytest.approx(2 / 3)
    assert recall_at(yes_no, 1) == pytest.approx(1 / 2)
    assert (hit_at(yes_no, 1), hit_at((0.0, 0.0), 2)) == (1.0, 0.0)
    assert reciprocal_rank((0.0, 0.0, 1.0), 5) == pytest.approx(1 / 3)
    assert reciprocal_rank((0.0, 0.0, 1.0), 2) == 0.0
    assert ndcg_at(yes_no, 5) == pytest.approx((1 + 1 / log2(4)) / (1 + 1 / log2(3)))
    assert ndcg_at(GRADED, 6) == pytest.approx(6.861 / 7.141, abs=1e-3)
    assert precision_at((1.0, 1.0), 5) == 1.0, "of fewer documents than k, of those there are"


def test_what_nobody_judged_makes_a_figure_unknown() -> None:
    partly = (1.0, None, 0.0)
    assert (precision_at(partly, 1), precision_at(partly, 2)) == (1.0, None)
    assert recall_at(partly, 1) is None and ndcg_at(partly, 1) is None
    assert hit_at(partly, 3) == 1.0, "one relevant document is enough to know"
    assert hit_at((0.0, None), 2) is None and reciprocal_rank((None, 1.0), 2) is None
    assert all(
        measure((), 5) is None for measure in (precision_at, recall_at, ndcg_at, hit_at, reciprocal_rank)
    )
    assert ndcg_at((0.0, 0.0), 2) is None and recall_at((0.0, 0.0), 2) is None


def test_means_say_of_how_many_and_alike_rankings_widen_the_interval() -> None:
    gains = [(1.0, 0.0), (0.0, 0.0), (1.0, 1.0), (None, 1.0)] * 6
    apart = figures([Ranking(one, str(number), str(number)) for number, one in enumerate(gains)], 2)
    alike = figures([Ranking(one, str(number), str(number % 3)) for number, one in enumerate(gains)], 2)
    precision, recall = apart[0], apart[1]
    assert (precision.name, precision.n, precision.of) == ("precision", 18, 24)
    assert precision.mean.value == pytest.approx(0.5)
    assert recall.n == 12 and recall.mean.value == 1.0
    (low, high), (lower, higher) = precision.mean.ci95, alike[0].mean.ci95
    assert lower < low < 0.5 < high < higher
    (none,) = [one for one in figures([Ranking((None,))], 1) if one.name == "precision"]
    assert none.mean.value is None and none.n == 0 and none.mean.reason


@given(
    gains=st.lists(st.one_of(st.none(), st.integers(0, 3).map(float)), max_size=8),
    k=st.integers(1, 10),
)
def test_every_figure_is_between_0_and_1_and_the_best_order_is_the_best(
    gains: list[float | None], k: int
) -> None:
    for measure in (precision_at, recall_at, ndcg_at, hit_at, reciprocal_rank):
        value = measure(gains, k)
        assert value is None or 0 <= value <= 1 + 1e-12
        if value is not None and None not in gains:
            best = measure(sorted(gains, reverse=True), k)
            assert best is not None and best >= value - 1e-12
