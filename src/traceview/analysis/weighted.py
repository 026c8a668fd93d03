"""Rates of everything a sample was drawn from, each item weighted by the inverse of its inclusion probability.

A sample that seeks what is odd or rare has another rate than what it was drawn from: with equal weights a queue of
outliers and disagreements is off by tens of points.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

from traceview.analysis.estimate import Estimate, undefined
from traceview.analysis.intervals import Z95, wilson


@dataclass(frozen=True, slots=True)
class SampledItem:
    """An item of a sample with its value.

    `probability` is the chance, in (0, 1], that it came into the sample; None where no chance is known. `value` is 1 or
    0 (True or False), None where the question does not apply. `labelled` is False while nobody has answered. `stratum`
    is the part of the sample that was drawn by itself, `cluster` what items share that are alike (a thread); an item
    without a cluster is one of its own.
    """

    probability: float | None
    value: bool | float | None
    labelled: bool = True
    stratum: Hashable = ""
    cluster: Hashable | None = None


def weighted_rate(items: Iterable[SampledItem]) -> Estimate:
    """The share with value 1 among what was drawn from and to which the question applies (Hajek's ratio).

    rate = sum(y / p) / sum(1 / p), p divided by the share of its stratum that is labelled: what is left out is taken to
    be like the rest of its stratum. The variance is that of the linearised ratio between clusters within strata, with
    the part of each item that was certain left out; the interval is Wilson's with as many items as would have this
    variance if they were drawn alike, fewer for what is not known of the variance itself (Korn and Graubard, 1998, with
    the degrees of freedom of Satterthwaite). Undefined where a probability is not known.
    """
    sampled = list(items)
    labelled = [item for item in sampled if item.labelled]
    if not any(item.value is not None for item in labelled):
        return undefined(
            "nothing is labelled to which the question applies" if labelled else "nothing is labelled"
        )
    if any(item.probability is None for item in labelled):
        return undefined("some items were picked by looking: they stand for nothing but themselves")
    chances = _chances(sampled, labelled)
    weights = [1 / chance for chance in chances]
    values = [None if item.value is None else float(item.value) for item in labelled]
    whole = sum(weight for weight, value in zip(weights, values, strict=True) if value is not None)
    rate = (
        sum(weight * value for weight, value in zip(weights, values, strict=True) if value is not None)
        / whole
    )
    # an item to which the question does not apply is part of the sample, and adds nothing
    shares = [
        0.0 if value is None else weight * (value - rate) / whole
        for weight, value in zip(weights, values, strict=True)
    ]
    variance, freedom = _between_clusters(labelled, shares, chances)
    if all(chance == 1 for chance in chances):
        return Estimate(rate, 0.0, (rate, rate))
    count = _as_many_as(
        rate, variance, [w for w, value in zip(weights, values, strict=True) if value is not None]
    )
    count *= (Z95 / _t95(freedom)) ** 2
    return Estimate(rate, sqrt(variance), wilson(rate * count, count))


def _chances(sampled: Sequence[SampledItem], labelled: Sequence[SampledItem]) -> list[float]:
    """The chance of each labelled item to have been drawn and labelled."""
    drawn: dict[Hashable, int] = defaultdict(int)
    done: dict[Hashable, int] = defaultdict(int)
    for item in sampled:
        drawn[item.stratum] += 1
        done[item.stratum] += item.labelled
    return [(item.probability or 0.0) * done[item.stratum] / drawn[item.stratum] for item in labelled]


def _between_clusters(
    items: Sequence[SampledItem], shares: Sequence[float], chances: Sequence[float]
) -> tuple[float, float]:
    """The variance of the sum of the shares, between the clusters of each stratum, and its degrees of freedom."""
    strata: dict[Hashable, dict[Hashable, float]] = defaultdict(lambda: defaultdict(float))
    for number, (item, share, chance) in enumerate(zip(items, shares, chances, strict=True)):
        if chance < 1:
            cluster = ("", number) if item.cluster is None else item.cluster
            strata[item.stratum][cluster] += share * sqrt(1 - chance)
    variance = doubt = 0.0
    for clusters in strata.values():
        count = len(clusters)
        # of a single cluster the spread is not known: how far it is from the rate stands in for it
        mean = sum(clusters.values()) / count if count > 1 else 0.0
        degrees = max(1, count - 1)
        part = count / degrees * sum((total - mean) ** 2 for total in clusters.values())
        variance += part
        doubt += part * part / degrees
    return variance, variance * variance / doubt if doubt else float("inf")


def _t95(freedom: float) -> float:
    """The 97.5 % point of Student's t, by the first terms of Cornish and Fisher; 0.01 too low for 5 degrees."""
    z, z3, z5 = Z95, Z95**3, Z95**5
    return z + (z3 + z) / (4 * freedom) + (5 * z5 + 16 * z3 + 3 * z) / (96 * freedom**2)


def _as_many_as(rate: float, variance: float, weights: Sequence[float]) -> float:
    """How many items drawn alike have this variance; where it tells nothing, how many the weights are worth (Kish)."""
    worth = sum(weights) ** 2 / sum(weight * weight for weight in weights)
    if variance <= 0 or not 0 < rate < 1:
        return worth
    return rate * (1 - rate) / variance
