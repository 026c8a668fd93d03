"""Tokens and cost of the spans of a tree: their own, and those of everything below them, each call once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from traceview.model.schema import CALL_KINDS
from traceview.model.tree import Tree


@dataclass(frozen=True, slots=True)
class TreeUsage:
    """By position: a span's own counted tokens (input and output) and dollars, and the sums of its subtree.

    A cost is None where nothing says one. A roll-up and a duplicate have nothing of their own, whatever their rows
    repeat; embeddings count for the cost and not for the tokens, as in every total.
    """

    own_tokens: list[int]
    own_cost: list[float | None]
    tokens: list[int]
    cost: list[float | None]


def is_counted(span: Mapping[str, Any]) -> bool:
    """True if the tokens and cost of a span row belong to the totals."""
    counted = span.get("counted")
    if counted is not None:
        return bool(counted)
    return span.get("kind") in CALL_KINDS and not span.get("duplicate_of")


def tree_usage(tree: Tree, spans: Sequence[Mapping[str, Any]]) -> TreeUsage:
    """Sum up a tree of span rows; linear in the spans."""
    own_tokens: list[int] = []
    own_cost: list[float | None] = []
    for row in tree.rows:
        span = spans[row]
        counted = is_counted(span)
        model_tokens = counted and span.get("kind") != "embedding"
        tokens = (span.get("input_tokens") or 0) + (span.get("output_tokens") or 0) if model_tokens else 0
        own_tokens.append(tokens)
        own_cost.append(span.get("cost_usd") if counted else None)
    tokens_below, cost_below = list(own_tokens), list(own_cost)
    for position in range(len(tree) - 1, -1, -1):
        above = tree.parent[position]
        if above < 0:
            continue
        tokens_below[above] += tokens_below[position]
        cost = cost_below[position]
        if cost is not None:
            cost_below[above] = cost + (cost_below[above] or 0.0)
    return TreeUsage(own_tokens, own_cost, tokens_below, cost_below)
