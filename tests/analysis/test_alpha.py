"""Krippendorff's alpha against his own examples, and against the package `krippendorff` 0.9.0 of PyPI."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from traceview.analysis.agreement import cohen_kappa, table_of
from traceview.analysis.alpha import Level, krippendorff_alpha
from traceview.analysis.alpha_interval import alpha_interval

_ = None
FOUR_OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3],
    [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _],
]
"""Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), part C: .743, .815 and .849 there."""
THREE_OBSERVERS = [
    [_, _, _, _, _, 3, 4, 1, 2, 1, 1, 3, 3, _, 3],
    [1, _, 2, 1, 3, 3, 4, 3, _, _, _, _, _, _, _],
    [_, _, 2, 1, 3, 4, 4, _, 2, 1, 1, 3, 3, _, 4],
]
"""The example of the article on alpha in Wikipedia: .691 and .811 there."""
CHANCE = [
    [3, 2, 4, _, 1, 1, 5, 1, 3, 5, 1, 5, 2, 1, 1, 4, 4, 1, 2, 1, 5, 4, 1, 5, 1, 2, _, _, 5, 1],
    [5, 5, 4, 1, 2, 1, 5, 2, 3, 4, 2, 5, 1, 5, 3, 5, _, 2, 1, 5, 5, _, 2, 3, 1, 5, _, 1, 5, 1],
    [5, 2, 4, _, 5, 4, 3, 4, 5, 4, 3, 3, 2, 2, _, 2, 1, 5, 3, 5, 4, 3, _, 4, 3, 5, 1, 1, 5, 4],
    [2, 3, 2, 4, 4, 1, _, 1, 5, 5, 3, 3, _, 3, 5, 4, 5, 4, 1, 1, 3, 4, _, _, 1, 1, _, _, 3, _],
    [5, _, 4, 3, _, 4, _, 3, 1, 4, 3, 2, 5, 1, 4, 1, 2, 3, 2, _, 2, 4, 4, 4, 1, 2, 4, 4, 5, 3],
]
"""Values of five annotators at random, a sixth of them missing."""
MEASURED = [
    [_, _, _, 3.38, _, _, 5.96, 5.16, 6.45, 4.99, 5.18, 0.48, 3.0, 2.78, 2.98, _, 7.52, 2.46, 7.26, 6.72],
    [5.3, 6.15, 6.15, 5.0, 9.02, 5.65, 4.97, 6.85, 8.67, -0.13, 5.8, 5.48, 5.56, 3.96, _, 6.51, 6.99, 8.95, 4.46,
     4.19],
    [5.9, 5.32, 3.24, _, _, _, _, _, 5.35, 7.39, 6.59, 5.28, 7.1, _, _, _, 4.41, 5.19, 6.31, 8.1],
]  # fmt: skip
"""Numbers at random."""
SCALE = [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("observers", "level", "alpha"),
    [
        (FOUR_OBSERVERS, "nominal", 0.743421052631579),
        (FOUR_OBSERVERS, "ordinal", 0.8153875037548814),
        (FOUR_OBSERVERS, "interval", 0.8491071428571428),
        (THREE_OBSERVERS, "nominal", 0.691358024691358),
        (THREE_OBSERVERS, "ordinal", 0.8067214199413153),
        (THREE_OBSERVERS, "interval", 0.8108448928121059),
        (CHANCE, "nominal", 0.03917771488157329),
        (CHANCE, "ordinal", 0.08056270117997799),
        (CHANCE, "interval", 0.07755587885200388),
        (MEASURED, "interval", -0.09985177617806906),
    ],
)
def test_alpha_of_the_examples(observers: list[list[float | None]], level: Level, alpha: float) -> None:
    """The figures are those of `krippendorff.alpha(reliability_data=..., level_of_measurement=...)` 0.9.0."""
    items = list(zip(*observers, strict=True))
    found = krippendorff_alpha(items, level, SCALE)
    assert found.value == pytest.approx(alpha, abs=1e-9)
    assert krippendorff_alpha(items[::-1], level, SCALE).value == pytest.approx(alpha, abs=1e-9)


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
def test_undefined_with_a_reason(level: Level) -> None:
    assert krippendorff_alpha([[1, _], [_, 2], []], level, SCALE).reason == "no item has values of two"
    same = krippendorff_alpha([[1, 1], [1, 1, _], [2, _]], level, SCALE)
    assert same.value is None
    assert "every value is the same" in (same.reason or "")


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
def test_exactly_one_where_all_agree(level: Level) -> None:
    assert krippendorff_alpha([[1, 1, 1], [3, 3], [2, _, 2]], level, SCALE).value == 1


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=2, max_size=40))
def test_nominal_alpha_nears_kappa(pairs: list[tuple[str, str]]) -> None:
    """For two annotators with the same margins alpha is kappa but for the correction of small samples."""
    both = [*pairs, *((second, first) for first, second in pairs)]
    alpha, kappa = krippendorff_alpha(both, "nominal").value, cohen_kappa(table_of(both)).value
    assert (alpha is None) == (kappa is None)
    if alpha is not None and kappa is not None:
        count = 2 * len(both)
        assert 1 - alpha == pytest.approx((1 - kappa) * (count - 1) / count)


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
def test_interval_is_that_of_items_drawn_again(level: Level) -> None:
    """The same draws one by one: alpha of the items themselves, each as often as it was drawn."""
    items = [tuple(values) for values in zip(*CHANCE, strict=True)]
    units = [values for values in items if sum(value is not None for value in values) > 1]
    times = np.random.default_rng(5).multinomial(len(units), [1 / len(units)] * len(units), size=200)
    drawn = [[unit for unit, often in zip(units, row, strict=True) for _ in range(often)] for row in times]
    alphas = [krippendorff_alpha(one, level, SCALE).value for one in drawn]
    expected = np.quantile(np.array(alphas, dtype=float), (0.025, 0.975))
    assert alpha_interval(items, level, SCALE, seed=5, draws=200) == pytest.approx(tuple(expected), abs=1e-9)


def test_interval_holds_alpha_and_narrows() -> None:
    draw = random.Random(3)
    pairs = [
        (value, value if draw.random() < 0.8 else not value)
        for value in (draw.random() < 0.6 for _ in range(400))
    ]
    few, many = (alpha_interval(pairs[:count], "nominal") for count in (40, 400))
    assert few is not None and many is not None
    value = krippendorff_alpha(pairs, "nominal").value
    assert value is not None and many[0] < value < many[1]
    assert many[1] - many[0] < 0.5 * (few[1] - few[0])
    assert alpha_interval(pairs, "nominal") == many


@pytest.mark.parametrize(
    "items",
    [[], [[1, _]], [[1, 1]] * 20, [[1, 1]] * 5 + [[2, 2]]],
    ids=["none", "one value", "all alike", "one differs"],
)
@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
def test_no_interval_of_too_little(items: list[list[int | None]], level: Level) -> None:
    assert alpha_interval(items, level, SCALE) is None
