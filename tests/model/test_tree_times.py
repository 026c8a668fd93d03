"""Own times, the critical path, clocks that disagree: tables of cases and what holds for every tree."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given

from model.trees import span, trees
from traceview.model.tree import build_tree
from traceview.model.tree_times import SKEW_NS, Interval, TreeTimes, critical_path, tree_times

Row = dict[str, Any]
MS = 1_000_000


def named(rows: Sequence[Row], values: Sequence[Any]) -> dict[str, Any]:
    tree = build_tree(rows)
    return {rows[row]["span_id"]: values[position] for position, row in enumerate(tree.rows)}


def union(intervals: Sequence[Interval | None]) -> int:
    total, at = 0, -(10**9)
    for start, end in sorted(one for one in intervals if one is not None):
        total += max(0, end - max(start, at))
        at = max(at, end)
    return total


@pytest.mark.parametrize(
    ("rows", "own"),
    [
        (
            [span("r", None, 0, 100), span("a", "r", 10, 30), span("b", "r", 50, 60)],
            {"r": 70, "a": 20, "b": 10},
        ),
        # Children at the same time are taken off once; a child counts as far as it lies in its parent.
        (
            [span("r", None, 0, 100), span("a", "r", 10, 40), span("b", "r", 20, 60)],
            {"r": 50, "a": 30, "b": 40},
        ),
        (
            [span("r", None, 10, 100), span("a", "r", 0, 20), span("b", "r", 90, 150)],
            {"r": 70, "a": 20, "b": 60},
        ),
        # One child inside another's time, as siblings.
        (
            [span("r", None, 0, 100), span("a", "r", 0, 80), span("b", "r", 10, 20)],
            {"r": 20, "a": 80, "b": 10},
        ),
        # A grandchild that outlives its parent takes nothing from the root itself.
        ([span("r", None, 0, 100), span("a", "r", 0, 10), span("b", "a", 5, 50)], {"r": 90, "a": 5, "b": 45}),
        ([span("r", None, 0, None), span("a", "r", 10, 30)], {"r": 10, "a": 20}),
        ([span("r", None, 50, 20), span("a", None, None, None)], {"r": 0, "a": 0}),
    ],
)
def test_own_time_is_what_no_child_takes(rows: list[Row], own: dict[str, int]) -> None:
    tree = build_tree(rows)
    assert named(rows, tree_times(tree, rows).self_ns) == own


@given(trees())
def test_own_times_of_any_tree(rows: list[Row]) -> None:
    tree = build_tree(rows)
    times = tree_times(tree, rows)
    for position in range(len(tree)):
        assert 0 <= times.self_ns[position] <= times.length(position)
        pieces = times.own_intervals(tree, position)
        assert sum(end - start for start, end in pieces) == times.self_ns[position]
        assert pieces == sorted(pieces) and len(pieces) <= tree.size[position]
    # Whatever runs, some span runs that has no child running: nothing of the trace's time is nobody's own.
    assert sum(times.self_ns) >= union(times.interval)


@given(trees(hostile=False))
def test_own_times_of_one_after_another_fill_the_time_exactly(rows: list[Row]) -> None:
    for row in rows:
        number = int(row["span_id"])
        row["parent_id"] = "0" if number else None
        row["start_ns"], row["end_ns"] = (
            (number * 10, number * 10 + number % 11) if number else (0, 10 * len(rows))
        )
    tree = build_tree(rows)
    times = tree_times(tree, rows)
    assert sum(times.self_ns) == union(times.interval) == 10 * len(rows)


def path_of(rows: Sequence[Row]) -> list[tuple[str, int, int]]:
    tree = build_tree(rows)
    steps = critical_path(tree, tree_times(tree, rows))
    return [(rows[tree.rows[step.position]]["span_id"], step.start_ns, step.end_ns) for step in steps]


@pytest.mark.parametrize(
    ("rows", "path"),
    [
        ([span("r", None, 0, 100)], [("r", 0, 100)]),
        (
            [span("r", None, 0, 100), span("a", "r", 10, 30), span("b", "r", 50, 60)],
            [("r", 0, 10), ("a", 10, 30), ("r", 30, 50), ("b", 50, 60), ("r", 60, 100)],
        ),
        # Of two at the same time, the one that ends last is waited for; the other ends in vain.
        (
            [span("r", None, 0, 100), span("a", "r", 10, 40), span("b", "r", 20, 60)],
            [("r", 0, 20), ("b", 20, 60), ("r", 60, 100)],
        ),
        (
            [span("r", None, 0, 100), span("a", "r", 0, 20), span("b", "r", 5, 90), span("c", "b", 30, 90)],
            [("r", 0, 5), ("b", 5, 30), ("c", 30, 90), ("r", 90, 100)],
        ),
        # A child that outlives its parent counts up to the parent's end.
        ([span("r", None, 0, 100), span("a", "r", 40, 300)], [("r", 0, 40), ("a", 40, 100)]),
        (
            [span("x", None, 0, 300), span("r", "x", 0, 100), span("a", "r", 40, 300)],
            [("r", 0, 40), ("a", 40, 100), ("x", 100, 300)],
        ),
        # Several roots: the last to end, then whatever ended before it began.
        ([span("r", None, 0, 50), span("s", None, 60, 90)], [("r", 0, 50), ("s", 60, 90)]),
        ([span("r", None, 0, 10), span("p", "r", 10, 10)], [("r", 0, 10)]),
        ([span("r", None, None, None)], []),
    ],
)
def test_the_critical_path(rows: list[Row], path: list[tuple[str, int, int]]) -> None:
    assert path_of(rows) == path


def windows(times: TreeTimes, position: int, start: int, end: int) -> bool:
    interval = times.interval[position]
    return interval is not None and interval[0] <= start < end <= interval[1]


@given(trees())
def test_the_steps_of_any_tree_follow_one_another_inside_their_spans(rows: list[Row]) -> None:
    tree = build_tree(rows)
    times = tree_times(tree, rows)
    steps = critical_path(tree, times)
    assert all(windows(times, step.position, step.start_ns, step.end_ns) for step in steps)
    assert all(one.end_ns <= other.start_ns for one, other in pairwise(steps))


@given(trees(hostile=False))
def test_the_steps_of_one_root_fill_its_time(rows: list[Row]) -> None:
    rows[0]["end_ns"] = 200
    rows[0]["start_ns"] = 0
    tree = build_tree(rows)
    steps = critical_path(tree, tree_times(tree, rows))
    assert sum(step.end_ns - step.start_ns for step in steps) == 200


def test_twenty_thousand_spans_are_walked_once() -> None:
    rows = [span("0", None, 0, 10**6)] + [span(str(n), "0", n, n + 1) for n in range(1, 20_000)]
    assert len(path_of(rows)) == 20_001
    rows = [span(str(n), str(n - 1) if n else None, n, 10**6 - n) for n in range(20_000)]
    assert len(path_of(rows)) == 39_999


def test_what_is_wrong_with_times_is_said() -> None:
    rows = [
        span("r", None, 100 * MS, 200 * MS),
        span("early", "r", 90 * MS, 110 * MS),
        span("late", "r", 150 * MS, 250 * MS),
        span("rounded", "r", 100 * MS - SKEW_NS, 200 * MS + SKEW_NS),
        span("after", "r", 300 * MS, 310 * MS),
        span("backwards", "r", 150 * MS, 120 * MS),
        span("endless", "r", 150 * MS, None),
        span("untimed", "r", None, 120 * MS),
    ]
    tree = build_tree(rows)
    times = tree_times(tree, rows)
    position = {rows[row]["span_id"]: at for at, row in enumerate(tree.rows)}
    assert times.early == {position["early"]: 10 * MS, position["after"]: -100 * MS}
    assert times.late == {position["late"]: 50 * MS, position["after"]: 110 * MS}
    assert times.backwards == {position["backwards"]}
    assert times.endless == {position["endless"]}
    assert times.untimed == {position["untimed"]}
