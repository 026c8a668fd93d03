"""Tokens and cost of subtrees: each model call once."""

from __future__ import annotations

from model.trees import span
from traceview.model.tree import build_tree
from traceview.model.tree_usage import tree_usage


def test_each_call_counts_once_and_sums_upwards() -> None:
    usage = {"input_tokens": 100, "output_tokens": 20, "cost_usd": 0.5}
    rows = [
        span("root", None, 0, 99, kind="agent", counted=False, **usage),
        span("call", "root", 1, 9, kind="llm", counted=True, **usage),
        span("twice", "call", 2, 8, kind="llm", counted=False, duplicate_of="call", **usage),
        span("step", "root", 10, 50, kind="chain", counted=False),
        span("embed", "step", 11, 12, kind="embedding", counted=True, input_tokens=7, cost_usd=0.25),
        span("tool", "step", 13, 14, kind="tool", counted=False),
    ]
    tree = build_tree(rows)
    found = tree_usage(tree, rows)
    assert found.own_tokens == [0, 120, 0, 0, 0, 0]
    assert found.own_cost == [None, 0.5, None, None, 0.25, None]
    assert found.tokens == [120, 120, 0, 0, 0, 0]
    assert found.cost == [0.75, 0.5, None, 0.25, 0.25, None]


def test_without_the_rules_answer_calls_count_that_repeat_none() -> None:
    rows = [
        span("call", None, 0, 9, kind="llm", input_tokens=5),
        span("twice", "call", 2, 8, kind="llm", duplicate_of="call", input_tokens=5),
        span("chain", "call", 3, 4, kind="chain", input_tokens=5),
    ]
    assert tree_usage(build_tree(rows), rows).own_tokens == [5, 0, 0]
