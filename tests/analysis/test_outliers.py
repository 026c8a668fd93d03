"""Robust distances, and texts that are unlike the others."""

from __future__ import annotations

import pytest

from traceview.analysis.novelty import farthest_first
from traceview.analysis.outliers import robust_z, robust_z_of_sizes


def test_robust_z() -> None:
    """Median 3, MAD 1: the one far off does not widen the spread that it is measured in."""
    assert robust_z([1, 2, 3, 4, 100])[-1] == pytest.approx(0.67449 * 97)
    assert robust_z([3, 3, 3, 3, 8]) == pytest.approx([0, 0, 0, 0, 5 / (1.2533 * 1)])
    assert robust_z([3, 3, 3]) == [0, 0, 0]
    assert robust_z([]) == []
    assert robust_z_of_sizes([10, 10, 10, 10**6, 0])[3] > 0 > robust_z_of_sizes([10, 10, 10, 10**6, 0])[4]


def test_farthest_first() -> None:
    texts = ["refund for order", "refund for an order", "zebra crossing", "order refund", "quantum field", ""]
    found = farthest_first(texts, ["refund order please"], 9)
    assert {at for at, _ in found[:2]} == {2, 4}
    assert [at for at, _ in found[2:]] and 5 not in dict(found)
    nearest = [near for _, near in found]
    assert nearest == sorted(nearest)
    assert all(0 <= near <= 1 for near in nearest)


def test_a_twin_of_what_was_chosen_is_not_new() -> None:
    texts = ["zebra crossing road", "zebra crossing road", "quantum field", "refund the order"]
    found = farthest_first(texts, ["refund order"], 4)
    assert [at for at, _ in found] == [0, 2, 3, 1]
    assert found[-1][1] == pytest.approx(1)


def test_without_anything_known_the_usual_comes_first() -> None:
    texts = ["zebra", "the order of a refund", "a refund of the order", "the refund of an order"]
    first, second, *_ = farthest_first(texts, [], 4)
    assert first[0] in (1, 2) and first[1] == 0
    assert second[0] == 0
    assert [at for at, _ in farthest_first(texts, [], 4, lambda at: at != 0)].count(0) == 0
    assert farthest_first([], [], 3) == farthest_first(["", "..."], [], 3) == []
