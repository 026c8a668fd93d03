"""Folding: every span once, repeated siblings in one line, twenty thousand spans at once."""

from __future__ import annotations

from typing import Any

import pytest
from benchmarks.clock import spent
from hypothesis import given
from hypothesis import strategies as st

from model.trees import span, trees
from traceview.model.tree import build_tree
from traceview.model.tree_folds import LOOP_LEAST, RUN_LEAST, Folds, find_repeats, repeated_runs

Row = dict[str, Any]


@pytest.mark.parametrize(
    ("keys", "runs"),
    [
        ("", []),
        ("aaa", []),
        ("aaaa", [(0, 1, 4)]),
        ("baaaaac", [(1, 1, 5)]),
        ("abababab", []),
        ("ababababab", [(0, 2, 5)]),
        ("xababababababy", [(1, 2, 6)]),
        ("abcabcabcabcabcab", [(0, 3, 5)]),
        ("aaaabbbb", [(0, 1, 4), (4, 1, 4)]),
        ("abbbbba", [(1, 1, 5)]),
    ],
)
def test_where_a_sequence_repeats(keys: str, runs: list[tuple[int, int, int]]) -> None:
    assert repeated_runs([ord(key) for key in keys]) == runs


@given(st.lists(st.integers(0, 2), max_size=60))
def test_runs_repeat_and_do_not_overlap(keys: list[int]) -> None:
    at = 0
    for first, period, times in repeated_runs(keys):
        assert first >= at
        assert times >= (RUN_LEAST if period == 1 else LOOP_LEAST)
        assert keys[first : first + period * times] == keys[first : first + period] * times
        at = first + period * times
    assert at <= len(keys)


@given(trees(most=40), st.data())
def test_every_span_is_on_one_line_or_in_one_fold(rows: list[Row], data: st.DataObject) -> None:
    tree = build_tree(rows)
    folds = Folds(tree, find_repeats(tree, rows))
    for _ in range(data.draw(st.integers(0, 6))):
        step = data.draw(st.sampled_from(["toggle", "toggle", "reveal", "fold", "unfold"]))
        position = data.draw(st.sampled_from(folds.lines))
        if step == "toggle":
            kept = folds.toggle(position)
            assert kept is None or kept in folds.lines
        elif step == "reveal":
            position = data.draw(st.integers(0, len(tree) - 1))
            folds.reveal(position)
            assert position in folds.lines and folds.repeat_at(position) is None
        elif step == "fold":
            folds.fold_all()
        else:
            folds.unfold_all()
            assert folds.lines == list(range(len(tree)))
        covered = [at for line in folds.lines for at in range(line, line + 1 + folds.hidden(line))]
        assert covered == list(range(len(tree)))


def test_a_leaf_folds_its_repeat_and_a_branch_itself() -> None:
    rows = [span("r", None, 0, 99), *(span(f"c{n}", "r", n, n + 1, name="call") for n in range(5))]
    tree = build_tree(rows)
    folds = Folds(tree, find_repeats(tree, rows))
    assert folds.lines == [0, 1] and folds.hidden(1) == 4
    repeat = folds.repeat_at(1)
    assert repeat is not None and repeat.times == 5
    assert folds.toggle(1) == 1 and folds.lines == list(range(6))
    assert folds.toggle(3) == 1 and folds.lines == [0, 1]
    assert folds.toggle(0) == 0 and folds.lines == [0]
    assert folds.reveal(4) and folds.lines == list(range(6))


@pytest.mark.parametrize("shape", ["wide", "deep", "loops"])
def test_twenty_thousand_spans_fold_at_once(shape: str) -> None:
    def parent(number: int) -> str | None:
        if not number:
            return None
        return {"wide": "0", "deep": str(number - 1), "loops": str((number - 1) // 10)}[shape]

    rows = [span(str(n), parent(n), n, n + 1, name=f"call {n % 3}") for n in range(20_000)]
    tree = build_tree(rows)
    folds = Folds(tree, find_repeats(tree, rows))
    for step in (folds.unfold_all, folds.fold_all, lambda: folds.toggle(0), lambda: folds.reveal(19_999)):
        with spent() as taken:
            step()
        assert taken.seconds < 0.1, f"{taken.seconds:.3f} s"
