"""How good rankings of retrieved documents are, where the documents were judged.

A gain of 0 is not relevant, more is more relevant, None is not judged. Of a ranking whose first k documents are not all
judged a figure at k is not known (None): to count what nobody judged as not relevant would punish what is new.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log2

from msgspec import Struct

from traceview.analysis.estimate import Estimate, undefined
from traceview.analysis.weighted import SampledItem, weighted_rate

Gains = Sequence[float | None]

_OF_MANY = 1e-9
"""The chance of a ranking that stands for very many others: intervals are those of a sample, not of a census."""


class Ranking(Struct, frozen=True):
    """One retrieval: the gains of its documents in their order; `cluster` is what alike rankings share (a thread)."""

    gains: tuple[float | None, ...]
    id: str = ""
    cluster: str | None = None


class RankingFigure(Struct, frozen=True):
    """A mean over rankings. `n` are those that have the figure, of `of` that were judged in part or whole."""

    name: str
    mean: Estimate
    n: int
    of: int


def precision_at(gains: Gains, k: int) -> float | None:
    """The share of the first k documents that is relevant; of fewer documents than k, of those that there are."""
    first = _first(gains, k)
    return None if first is None else sum(gain > 0 for gain in first) / len(first)


def recall_at(gains: Gains, k: int) -> float | None:
    """The share of the relevant documents of the whole ranking that is among its first k.

    What was never retrieved is not known to anybody here. None where not all are judged, or none is relevant.
    """
    every = _first(gains, len(gains))
    if every is None:
        return None
    relevant = sum(gain > 0 for gain in every)
    return sum(gain > 0 for gain in every[:k]) / relevant if relevant else None


def hit_at(gains: Gains, k: int) -> float | None:
    """1 if any of the first k documents is relevant, else 0; a relevant one says so whatever the others are."""
    if any(gain is not None and gain > 0 for gain in gains[:k]):
        return 1.0
    return None if _first(gains, k) is None else 0.0


def reciprocal_rank(gains: Gains, k: int) -> float | None:
    """1 / rank of the first relevant document among the first k, 0 if there is none."""
    for rank, gain in enumerate(gains[:k], start=1):
        if gain is None:
            return None
        if gain > 0:
            return 1 / rank
    return 0.0 if gains else None


def ndcg_at(gains: Gains, k: int) -> float | None:
    """DCG of the first k over that of the best order of the same documents (Jarvelin and Kekalainen, 2002).

    DCG = sum of gain / log2(rank + 1). None where not all documents are judged, or none is relevant.
    """
    every = _first(gains, len(gains))
    if every is None or not any(every):
        return None
    return _dcg(every[:k]) / _dcg(sorted(every, reverse=True)[:k])


FIGURES: dict[str, Callable[[Gains, int], float | None]] = {
    "precision": precision_at,
    "recall": recall_at,
    "ndcg": ndcg_at,
    "hit_rate": hit_at,
    "reciprocal_rank": reciprocal_rank,
}


def figures(rankings: Sequence[Ranking], k: int) -> tuple[RankingFigure, ...]:
    """The mean of every figure at k, with an interval in which rankings of one cluster count as alike."""
    found = []
    for name, measure in FIGURES.items():
        values = [(measure(one.gains, k), one.cluster) for one in rankings]
        known = [(value, cluster) for value, cluster in values if value is not None]
        mean = (
            weighted_rate(SampledItem(_OF_MANY, value, cluster=cluster) for value, cluster in known)
            if known
            else undefined("no retrieval is judged as far as this needs")
        )
        found.append(RankingFigure(name, mean, len(known), len(rankings)))
    return tuple(found)


def _first(gains: Gains, k: int) -> list[float] | None:
    """The first k gains; None if there is none, or one of them is not judged."""
    first = [gain for gain in gains[:k] if gain is not None]
    return first if first and len(first) == len(gains[:k]) else None


def _dcg(gains: Sequence[float]) -> float:
    return sum(gain / log2(rank + 1) for rank, gain in enumerate(gains, start=1))
