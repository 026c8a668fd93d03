"""Tokens and cost of the spans of a tree: their own, and those of everything below them, each call once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from traceview.model.schema import CALL_KINDS
from traceview.model.span_rows import column
from traceview.model.tree import Tree


class TreeUsage(Struct, frozen=True):
    """By position: a span's own counted tokens (input and output) and dollars, and the sums of its subtree.

    A cost is None where nothing says one. A roll-up and a duplicate have nothing of their own, whatever their rows
    repeat; embeddings count for the cost and not for the tokens, as in every total.
    """

    own_tokens: list[int]
    own_cost: list[float | None]
    tokens: list[int]
    cost: list[float | None]


def tree_usage(tree: Tree, spans: Sequence[Mapping[str, Any]]) -> TreeUsage:
    """Sum up a tree of span rows; linear in the spans."""
    count = len(tree)
    own_tokens: list[int] = [0] * count
    own_cost: list[float | None] = [None] * count
    kinds, costs = column(spans, "kind"), column(spans, "cost_usd")
    tokens_in, tokens_out = column(spans, "input_tokens"), column(spans, "output_tokens")
    for row in _counted(spans, kinds):
        position = tree.position[row]
        own_cost[position] = costs[row]
        if kinds[row] != "embedding":
            own_tokens[position] = (tokens_in[row] or 0) + (tokens_out[row] or 0)
    tokens_below, cost_below = list(own_tokens), list(own_cost)
    parents = tree.parent
    for position in range(count - 1, -1, -1):
        above = parents[position]
        if above < 0:
            continue
        if tokens := tokens_below[position]:
            tokens_below[above] += tokens
        cost = cost_below[position]
        if cost is not None:
            cost_below[above] = cost + (cost_below[above] or 0.0)
    return TreeUsage(own_tokens, own_cost, tokens_below, cost_below)


def _counted(spans: Sequence[Mapping[str, Any]], kinds: Sequence[Any]) -> list[int]:
    """The rows whose tokens and cost belong to the totals: as they say themselves, else calls without duplicates."""
    told, same = column(spans, "counted"), column(spans, "duplicate_of")
    return [
        row
        for row, counted in enumerate(told)
        if (counted if counted is not None else kinds[row] in CALL_KINDS and not same[row])
    ]
