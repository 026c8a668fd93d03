"""The true pass rate behind a judge's, and the true mean behind its numbers, from labels of people.

`rogan_gladen` is for pass and fail, `ppi_mean` for numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import fmean, pvariance

from msgspec import Struct

from traceview.analysis.agreement import Confusion
from traceview.analysis.estimate import Estimate, around, undefined
from traceview.analysis.intervals import Z95, wilson

WEAK_JUDGE = 0.4
"""TPR + TNR - 1 below which a correction multiplies what is left of chance."""
FEW_LABELS = 30
"""Labels of a class below which its rate is too uncertain for the delta method."""
EXPLORATORY = 20
"""Labels of a class below which no rate is to be shown as one."""
DRAWS = 10_000
USABLE = 0.95
"""The share of draws that must tell a rate, for the bootstrap to be shown."""


class Correction(Struct, frozen=True):
    """A figure as the judge has it, and as it is behind the judge's errors. `warnings` say what to be careful of.

    `clipped` is True where the corrected rate came out below 0 or above 1.
    """

    observed: Estimate
    corrected: Estimate
    clipped: bool = False
    warnings: tuple[str, ...] = ()


def rogan_gladen(passed: int, judged: int, labelled: Confusion) -> Correction:
    """The pass rate of Rogan and Gladen (1978): (p + TNR - 1) / (TPR + TNR - 1), with a delta-method interval.

    `passed` of `judged` items without a label are called good by the judge; `labelled` is how it does where a person
    said the truth. Undefined, with the reason, where the judge tells pass from fail no better than chance.
    """
    observed = Estimate(passed / judged, ci95=wilson(passed, judged)) if judged else undefined(NOTHING_JUDGED)
    refused = _refusal(judged, labelled)
    if refused is not None:
        return Correction(observed, undefined(refused))
    tpr, tnr, index = _rates(labelled)
    rate = passed / judged
    theta = (rate + tnr - 1) / index
    variance = (
        rate * (1 - rate) / judged
        + theta**2 * tpr * (1 - tpr) / (labelled.tp + labelled.fn)
        + (1 - theta) ** 2 * tnr * (1 - tnr) / (labelled.tn + labelled.fp)
    ) / index**2
    found = around(theta, sqrt(variance), Z95, 0.0, 1.0)
    clipped = not 0 <= theta <= 1
    within = Estimate(min(1.0, max(0.0, theta)), found.se, found.ci95)
    return Correction(observed, within, clipped, tuple(_warnings(labelled, index, theta)))


def rogan_gladen_bootstrap(
    passed: int, judged: int, labelled: Confusion, *, seed: int = 0, draws: int = DRAWS
) -> Correction:
    """`rogan_gladen` with a percentile interval of a parametric bootstrap of all three binomials; for few labels.

    Draws in which the judge does no better than chance tell no rate; where they are more than a twentieth, there is
    none to show. The same seed gives the same interval.
    """
    plain = rogan_gladen(passed, judged, labelled)
    if plain.corrected.value is None:
        return plain
    import numpy as np

    random = np.random.default_rng(seed)
    good, bad = labelled.tp + labelled.fn, labelled.tn + labelled.fp
    tpr = random.binomial(good, labelled.tp / good, draws) / good
    tnr = random.binomial(bad, labelled.tn / bad, draws) / bad
    rate = random.binomial(judged, passed / judged, draws) / judged
    index = tpr + tnr - 1
    usable = index > 0
    if usable.mean() < USABLE:
        reason = f"in {1 - usable.mean():.0%} of the draws the judge does no better than chance: it needs more labels"
        return Correction(plain.observed, undefined(reason), plain.clipped, plain.warnings)
    theta = np.clip((rate[usable] + tnr[usable] - 1) / index[usable], 0, 1)
    low, high = np.quantile(theta, (0.025, 0.975))
    found = Estimate(plain.corrected.value, float(theta.std()), (float(low), float(high)))
    return Correction(plain.observed, found, plain.clipped, plain.warnings)


NOTHING_JUDGED = "nothing was judged that has no label"


def _refusal(judged: int, labelled: Confusion) -> str | None:
    """Why no rate can be corrected; None if it can be."""
    if not judged:
        return NOTHING_JUDGED
    for rate in (labelled.tpr, labelled.tnr):
        if rate.value is None:
            return f"{rate.reason} among the labels: how the judge does there is not known"
    tpr, tnr, index = _rates(labelled)
    if index <= 0:
        return f"the judge tells pass from fail no better than chance: TPR {tpr:.3f} + TNR {tnr:.3f} is not more than 1"
    return None


def _rates(labelled: Confusion) -> tuple[float, float, float]:
    """TPR, TNR and Youden's J, which is exactly 0 where it is."""
    good, bad = labelled.tp + labelled.fn, labelled.tn + labelled.fp
    return (
        labelled.tp / good,
        labelled.tn / bad,
        (labelled.tp * labelled.tn - labelled.fn * labelled.fp) / (good * bad),
    )


def label_warnings(labelled: Confusion) -> tuple[str, ...]:
    """What to be careful of where a class has few labels."""
    said = []
    for count, word in ((labelled.tp + labelled.fn, "pass"), (labelled.tn + labelled.fp, "fail")):
        if count < EXPLORATORY:
            labels = f"only {count} label{' is' if count == 1 else 's are'}"
            said.append(f"{labels} {word}: exploratory, below {EXPLORATORY} no rate should be shown")
        elif count < FEW_LABELS:
            said.append(f"only {count} labels are {word}: below {FEW_LABELS} the interval is rough")
    return tuple(said)


def _warnings(labelled: Confusion, index: float, theta: float) -> list[str]:
    said = []
    if index < WEAK_JUDGE:
        said.append(f"TPR + TNR - 1 is {index:.2f}, below {WEAK_JUDGE}: the judge tells little")
    said += label_warnings(labelled)
    if not 0 <= theta <= 1:
        said.append(
            f"the corrected rate came out as {theta:.3f} and was cut: the labels and the judged items differ"
        )
    return said


def ppi_mean(
    judged: Sequence[float],
    labelled_judge: Sequence[float],
    labelled_truth: Sequence[float],
    *,
    weight: float | None = 1.0,
) -> Correction:
    """The mean by prediction-powered inference (Angelopoulos and others, 2023), with a normal interval.

    mean(weight * judged) + mean(truth - weight * judge) over the labelled, with variances of population form (ddof 0).
    `weight` 1 trusts the judge whole, 0 not at all; None finds the best one (PPI++), see `ppi_weight`.
    Raises ValueError where not every labelled item has both numbers.
    """
    if len(labelled_judge) != len(labelled_truth):
        raise ValueError("every labelled item needs the judge's number and the person's")
    observed = Estimate(fmean(judged)) if judged else undefined(NOTHING_JUDGED)
    if not judged:
        return Correction(observed, undefined(NOTHING_JUDGED))
    if len(labelled_truth) < 2:
        return Correction(observed, undefined("fewer than two items have the judge's number and a person's"))
    if weight is None:
        weight = ppi_weight(judged, labelled_judge, labelled_truth)
    errors = [truth - weight * said for said, truth in zip(labelled_judge, labelled_truth, strict=True)]
    mean = weight * fmean(judged) + fmean(errors)
    variance = weight**2 * pvariance(judged) / len(judged) + pvariance(errors) / len(errors)
    found = around(mean, sqrt(variance), Z95, float("-inf"), float("inf"))
    few = len(errors) < FEW_LABELS
    warnings = (
        (f"only {len(errors)} items have labels: below {FEW_LABELS} the interval is rough",) if few else ()
    )
    return Correction(observed, found, False, warnings)


def ppi_weight(
    judged: Sequence[float], labelled_judge: Sequence[float], labelled_truth: Sequence[float]
) -> float:
    """How far to trust the judge (the lambda of PPI++), within 0 and 1: cov(truth, judge) / ((1 + n/N) var(judge)).

    Covariance and variance are of the sample (ddof 1), the variance that of all the judge's numbers.
    """
    count = len(labelled_truth)
    centre_judge, centre_truth = fmean(labelled_judge), fmean(labelled_truth)
    covariance = sum(
        (said - centre_judge) * (truth - centre_truth)
        for said, truth in zip(labelled_judge, labelled_truth, strict=True)
    ) / (count - 1)
    every = [*labelled_judge, *judged]
    variance = pvariance(every) * len(every) / (len(every) - 1)
    if not variance:
        return 0.0
    return min(1.0, max(0.0, covariance / ((1 + count / len(judged)) * variance)))
