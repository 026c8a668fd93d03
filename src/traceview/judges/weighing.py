"""How often a judge is right on all that samples were drawn from: each item weighted by 1 / its chance. Pure.

Items that were sought (odd, disputed, new) are in the sample for certain and stand for themselves; those that chance
picked stand for as many as were left out.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from msgspec import Struct

from traceview.analysis.estimate import Estimate
from traceview.analysis.weighted import SampledItem, effective_size, weighted_rate
from traceview.model.judges import ScoreShape
from traceview.model.labels import LabelValue


class Drawn(Struct, frozen=True):
    """An item of a sample with the chance that it came into it, in (0, 1].

    `truth` and `said` are people's value and the judge's; `counts` is False where they are not to be compared (not
    labelled, in another split, ...). `stratum` is the part of the sample, `cluster` what is alike in it (a thread).
    """

    probability: float
    stratum: Hashable = ""
    cluster: Hashable | None = None
    truth: LabelValue = None
    said: LabelValue = None
    counts: bool = True
    sought: bool = False


class WeightedFigure(Struct, frozen=True):
    """A rate of all that was drawn from; of `count` items, worth `effective` of equal weight."""

    rate: Estimate
    count: int
    effective: float


class Weighted(Struct, frozen=True):
    """TPR, TNR and accuracy by inverse chances. Of `count` items that are compared `sought` were not left to chance."""

    tpr: WeightedFigure
    tnr: WeightedFigure
    accuracy: WeightedFigure
    count: int
    sought: int
    effective: float


def weigh(drawn: Sequence[Drawn], shape: ScoreShape) -> Weighted | None:
    """The figures of samples whose items had different chances; None where all of them stand for equally many.

    An item that does not count is taken to be like the others of its part of the sample; one to which the question does
    not apply, as either says, is part of it and adds nothing.
    """
    verdicts = [(shape.passes(one.truth), shape.passes(one.said)) for one in drawn]
    compared = [
        one for one, verdict in zip(drawn, verdicts, strict=True) if one.counts and None not in verdict
    ]
    if len({one.probability for one in compared}) < 2:
        return None

    def figure(of: bool | None) -> WeightedFigure:
        """Of what truly passes, of what truly fails, or of all."""
        items = []
        for one, (truth, said) in zip(drawn, verdicts, strict=True):
            applies = truth is not None and said is not None and of in (None, truth)
            value = truth == said if applies else None
            items.append(SampledItem(one.probability, value, one.counts, one.stratum, one.cluster))
        count = sum(item.labelled and item.value is not None for item in items)
        return WeightedFigure(weighted_rate(items), count, effective_size(items))

    accuracy = figure(None)
    sought = sum(one.sought for one in compared)
    return Weighted(figure(True), figure(False), accuracy, len(compared), sought, accuracy.effective)
