"""Rates of everything a sample was drawn from, each item weighted by the inverse of its inclusion probability.

A sample that seeks what is odd or rare has another rate than what it was drawn from: with equal weights a queue of
outliers and disagreements is off by tens of points.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from math import sqrt
from statistics import fmean

from msgspec import Struct

from traceview.analysis.estimate import Estimate, undefined
from traceview.analysis.intervals import Z95, wilson


class SampledItem(Struct, frozen=True):
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


class _Stratum(Struct, frozen=True):
    """The labelled items of a stratum with their weights (how many items each stands for) and chances."""

    items: Sequence[SampledItem]
    weights: Sequence[float]
    chances: Sequence[float]

    @property
    def applicable(self) -> list[tuple[float, float]]:
        """Weight and value of the items to which the question applies."""
        pairs = zip(self.weights, self.items, strict=True)
        return [(weight, float(item.value)) for weight, item in pairs if item.value is not None]

    @property
    def whole(self) -> float:
        """How many items the labelled ones to which the question applies stand for."""
        return sum(weight for weight, _ in self.applicable)

    @property
    def rate(self) -> float:
        """The share of them that has value 1."""
        return sum(weight * value for weight, value in self.applicable) / self.whole

    def variance_around(self, rate: float, whole: float) -> tuple[float, int]:
        """The variance that the stratum adds to a ratio, and between how many clusters: none of what was certain."""
        clusters: dict[Hashable, float] = defaultdict(float)
        for number, (item, weight, chance) in enumerate(
            zip(self.items, self.weights, self.chances, strict=True)
        ):
            if chance < 1:
                # an item to which the question does not apply is part of the sample, and adds nothing
                share = 0.0 if item.value is None else weight * (float(item.value) - rate) / whole
                clusters[("", number) if item.cluster is None else item.cluster] += share * sqrt(1 - chance)
        count = len(clusters)
        # of a single cluster the spread is not known: how far it is from the rate stands in for it
        mean = sum(clusters.values()) / count if count > 1 else 0.0
        return count / max(1, count - 1) * sum((total - mean) ** 2 for total in clusters.values()), count

    def interval(self) -> tuple[float, float]:
        """Wilson's, with as many items as would have this variance if they were drawn alike.

        Fewer by what is not known of the variance itself (Korn and Graubard, 1998). Where all are the same the variance
        tells nothing: then as many as the weights are worth (Kish), more where much of the stratum was drawn.
        """
        rate = self.rate
        variance, clusters = self.variance_around(rate, self.whole)
        if not clusters:
            return rate, rate
        if variance > 0:
            count = rate * (1 - rate) / variance
        else:
            weights = [weight for weight, _ in self.applicable]
            worth = sum(weights) ** 2 / sum(weight * weight for weight in weights)
            count = min(worth, clusters) / (1 - fmean(self.chances))
        count *= (Z95 / _t95(max(1, clusters - 1))) ** 2
        return wilson(rate * count, count) or (0.0, 1.0)


def weighted_rate(items: Iterable[SampledItem]) -> Estimate:
    """The share with value 1 among what was drawn from and to which the question applies (Hajek's ratio).

    rate = sum(y / p) / sum(1 / p), p divided by the share of its stratum that is labelled: what is left out is taken to
    be like the rest of its stratum. The standard error is that of the linearised ratio between clusters within strata,
    without what was certain. The interval puts those of the strata together, each end by the squares of how far those
    ends are from their rates (Zou and Donner, 2008): a rate near 1 reaches farther down than up. Undefined where a
    probability is not known.
    """
    sampled = list(items)
    labelled = [item for item in sampled if item.labelled]
    if not any(item.value is not None for item in labelled):
        return undefined(
            "nothing is labelled to which the question applies" if labelled else "nothing is labelled"
        )
    if any(item.probability is None for item in labelled):
        return undefined("some items were picked by looking: they stand for nothing but themselves")
    strata = _strata(sampled)
    applicable = [stratum for stratum in strata if stratum.applicable]
    whole = sum(stratum.whole for stratum in applicable)
    rate = sum(stratum.whole * stratum.rate for stratum in applicable) / whole
    variance = sum(stratum.variance_around(rate, whole)[0] for stratum in strata)
    below = above = within = 0.0
    for stratum in applicable:
        share, (low, high) = stratum.whole / whole, stratum.interval()
        below += (share * (stratum.rate - low)) ** 2
        above += (share * (high - stratum.rate)) ** 2
        within += share**2 * stratum.variance_around(stratum.rate, stratum.whole)[0]
    # what the strata weigh is not certain either where the question applies to some of their items only
    between = Z95**2 * max(0.0, variance - within)
    ends = (max(0.0, rate - sqrt(below + between)), min(1.0, rate + sqrt(above + between)))
    return Estimate(rate, sqrt(variance), ends)


def effective_size(items: Iterable[SampledItem]) -> float:
    """How many items of equal weight the labelled ones are worth (Kish): sum(w)^2 / sum(w^2), w as in `weighted_rate`.

    Of those to which the question applies; 0 without any. Raises ValueError where a probability is not known.
    """
    sampled = list(items)
    if any(item.probability is None for item in sampled if item.labelled):
        raise ValueError("an item without a probability stands for nothing but itself")
    weights = [weight for stratum in _strata(sampled) for weight, _ in stratum.applicable]
    return sum(weights) ** 2 / sum(weight * weight for weight in weights) if weights else 0.0


def _strata(sampled: Sequence[SampledItem]) -> list[_Stratum]:
    """The labelled items by stratum; the chance of each is to have been drawn and labelled."""
    drawn: dict[Hashable, list[SampledItem]] = defaultdict(list)
    for item in sampled:
        drawn[item.stratum].append(item)
    strata = []
    for items in drawn.values():
        labelled = [item for item in items if item.labelled]
        chances = [(item.probability or 0.0) * len(labelled) / len(items) for item in labelled]
        strata.append(_Stratum(labelled, [1 / chance for chance in chances], chances))
    return strata


def _t95(freedom: float) -> float:
    """The 97.5 % point of Student's t, by the first terms of Cornish and Fisher; 0.02 too low for 5 degrees."""
    z, z3, z5 = Z95, Z95**3, Z95**5
    return z + (z3 + z) / (4 * freedom) + (5 * z5 + 16 * z3 + 3 * z) / (96 * freedom**2)
