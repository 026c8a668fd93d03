"""A calibration and a comparison in lines for people: the same on the command line and on the screen."""

from __future__ import annotations

from collections.abc import Mapping

from traceview.analysis.correction import EXPLORATORY
from traceview.analysis.estimate import Estimate
from traceview.annotation.values import format_value
from traceview.judges.calibration import Calibration, Calls
from traceview.judges.comparing import Comparison, Side
from traceview.judges.history import Entry
from traceview.judges.versions import MIXED, SHORT_HASH
from traceview.judges.weighing import WeightedFigure
from traceview.text.preview import collapse

LEFT_OUT: Mapping[str, str] = {
    "other_split": "in another split",
    "not_judged": "not judged by this version",
    "tied": "on which people are split (`traceview annotate SOURCE --sample conflicts` decides them)",
    "sought": "chosen because they were odd, disputed or new (--sought counts them; weighted figures do)",
    "truncated": "of which the judge saw only a part (--truncated counts them)",
    "examples": "that are examples of the judge",
    "near_examples": "that are nearly the same as an example of the judge",
    "both_not_applicable": "to which it does not apply, as both say",
    "judge_not_applicable": "to which it does not apply, as the judge alone says",
    "unfit": "whose label or score is no value of the metric",
    "human_not_applicable": "to which it does not apply, as people alone say",
}
"""Why a labelled item is in no figure, by the key of the JSON."""


def calibration_lines(found: Calibration) -> list[str]:
    """What a calibration found, line by line."""
    evidence = found.evidence
    lines = [
        f"{evidence.metric} by {evidence.judge}, version {short_hash(evidence.judge_hash)}, "
        f"{'every split' if evidence.split == 'all' else evidence.split}: {found.count:,} labelled items compared, "
        f"{evidence.blind:,} of them labelled blind",
        "",
        *table_lines(found),
        *figure_lines(found),
        *weighted_lines(found),
        "",
        *rate_lines(found),
        *unscored_lines(evidence.calls),
    ]
    if evidence.left_out:
        lines.append("left out:")
        lines += [f"  {count:,} {LEFT_OUT[reason]}" for reason, count in evidence.left_out.items()]
    lines += needed_lines(found)
    lines.append(
        "may stand in a headline: yes"
        if found.trusted
        else f"may not stand in a headline: {'; '.join(found.distrust)}"
    )
    return lines


def table_lines(found: Calibration) -> list[str]:
    """The table of people's values against the judge's; nothing where there is none."""
    if found.confusion is not None:
        one = found.confusion
        head: tuple[str, ...] = ("pass", "fail")
        rows: tuple[tuple[str, tuple[int, ...]], ...] = (
            ("pass", (one.tp, one.fn)),
            ("fail", (one.fp, one.tn)),
        )
    elif found.table is not None:
        head = tuple(map(format_value, found.table.categories))
        rows = tuple(zip(head, found.table.counts, strict=True))
    else:
        return []
    side = max(len("people"), *(len(f"people {name}") for name, _ in rows))
    width = max(len("judge "), *(len(f"judge {name}") for name in head))
    lines = ["".join([" " * side, *(f"  {f'judge {name}':>{width}}" for name in head)])]
    for name, counts in rows:
        lines.append("".join([f"{f'people {name}':<{side}}", *(f"  {count:>{width},}" for count in counts)]))
    return [*lines, ""]


def figure_lines(found: Calibration) -> list[str]:
    """TPR, TNR, accuracy and kappa, each with its interval or why there is none."""
    one = found.confusion
    lines = []
    if one is None:
        lines.append(f"TPR and TNR: {found.confusion_reason}")
    else:
        lines += [
            f"TPR       {rate_words(one.tp, one.tp + one.fn, one.tpr)}",
            f"TNR       {rate_words(one.tn, one.tn + one.fp, one.tnr)}",
            f"accuracy  {rate_words(one.tp + one.tn, one.count, one.accuracy)}",
        ]
    lines.append(f"kappa     {estimate_words(found.kappa)}")
    if found.kappa_linear.value is not None or found.kappa_quadratic.value is not None:
        lines.append(f"kappa, linear weights     {estimate_words(found.kappa_linear)}")
        lines.append(f"kappa, quadratic weights  {estimate_words(found.kappa_quadratic)}")
    return lines


def weighted_lines(found: Calibration) -> list[str]:
    """TPR, TNR and accuracy of all that samples were drawn from; nothing where no sample tells them."""
    one = found.weighted
    if one is None:
        return []
    return [
        f"of all that sessions drew from, each item weighted by 1 / its chance: {one.count:,} items, {one.sought:,} of "
        f"them sought, worth {one.effective:,.1f} of equal weight",
        *(
            f"  {name:<9} {_weighted_words(figure)}"
            for name, figure in (("TPR", one.tpr), ("TNR", one.tnr), ("accuracy", one.accuracy))
        ),
    ]


def _weighted_words(figure: WeightedFigure) -> str:
    if figure.rate.value is None:
        return f"not known: {figure.rate.reason}"
    worth = f"n {figure.count:,}, effective n {figure.effective:,.1f}"
    if figure.effective < EXPLORATORY:
        return f"{worth}: too few for a rate"
    return f"{estimate_words(figure.rate)} ({worth})"


def rate_lines(found: Calibration) -> list[str]:
    """The pass rate, and the mean of numbers, as the judge has them and corrected, over items without a label."""
    shape, values = found.evidence.shape, found.evidence.unlabelled
    lines = []
    if found.confusion is not None:
        verdicts = [verdict for value in values if (verdict := shape.passes(value)) is not None]
        lines += [
            f"pass rate where nobody labelled, as judged  "
            f"{share_words(sum(verdicts), len(verdicts), found.pass_rate.observed)}",
            f"corrected by how the judge errs             {percent_words(found.pass_rate.corrected)}"
            + (" (cut to a rate)" if found.pass_rate.clipped else ""),
        ]
    if found.mean is not None:
        lines += [
            f"mean where nobody labelled, as judged  {estimate_words(found.mean.observed)}",
            f"corrected by how the judge errs        {estimate_words(found.mean.corrected)}",
        ]
    return lines


def unscored_lines(calls: Calls | None) -> list[str]:
    """How many have no score, why, and the words of one; nothing where all have one, or nobody knows."""
    if calls is None or not calls.without_score:
        return []
    reasons = ", ".join(
        f"{reason} {count:,}" for reason, count in sorted({**calls.unscored, **calls.errors}.items())
    )
    words = f"; such as: {collapse(calls.message, 200)}" if calls.message else ""
    share = f" ({calls.unscored_share:.1%})" if calls.unscored_share is not None else ""
    return [f"without a score  {calls.without_score:,} of {calls.count:,}{share}: {reasons}{words}"]


def unreliable_words(entry: Entry) -> str:
    """Why the rate of a version is not to be relied on."""
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(entry.failures.reasons.items()))
    words = f", such as: {collapse(entry.failures.message, 200)}" if entry.failures.message else ""
    return (
        f"{entry.without_score:,} of {entry.scored + entry.without_score:,} have no score of version "
        f"{short_hash(entry.judge_hash)} ({reasons}{words}): its rate is not to be relied on"
    )


def needed_lines(found: Calibration) -> list[str]:
    """How many labels of each class are missing for the interval that is wanted."""
    missing = [f"{one.more:,} more {name}" for name, one in found.needed.items() if one.more]
    if not found.needed:
        return []
    wanted = f"TPR and TNR within {found.half_width:g}"
    if not missing:
        return [f"labels suffice for {wanted}"]
    return [f"for {wanted}: {' and '.join(missing)} labels in this split"]


def comparison_lines(found: Comparison) -> list[str]:
    """What a comparison found, line by line, without the flips."""
    passing, right = found.passing, found.right
    lines = [
        f"A  {side_words(found.first)}",
        f"B  {side_words(found.second)}",
        f"{found.paired:,} items scored by both, {len(found.flips):,} flips; kappa {estimate_words(found.kappa)}",
        f"fail to pass {passing.gained:,}, pass to fail {passing.lost:,}: {p_words(passing.p, passing.reason)}",
    ]
    if found.truthful:
        lines.append(
            f"of {found.truthful:,} labelled ones A is right on {found.first_right:,}, B on {found.second_right:,} "
            f"(only B {right.gained:,}, only A {right.lost:,}): {p_words(right.p, right.reason)}"
        )
    else:
        lines.append("none of them has a label that may be looked at here: which is right is not known")
    return lines


def side_words(side: Side) -> str:
    """A side of a comparison."""
    return f"{side.judge}, version {short_hash(side.judge_hash)}, {len(side.values):,} scored"


def short_hash(judge_hash: str) -> str:
    """A version as people read it."""
    if judge_hash == MIXED:
        return "several, mixed"
    return judge_hash[:SHORT_HASH] or "(none)"


def p_words(p: float | None, reason: str | None) -> str:
    """A p-value of McNemar's test, or why there is none."""
    if p is None:
        return reason or ""
    return f"McNemar exact p {'< 0.0001' if p < 0.0001 else f'{p:.4f}'}"


def rate_words(k: int, n: int, figure: Estimate) -> str:
    """A rate with its counts and interval; of fewer than 20 only the counts."""
    if figure.value is None:
        return f"not known: {figure.reason}"
    if n < EXPLORATORY:
        return f"{k:,} of {n:,} (too few for a rate)"
    return f"{estimate_words(figure)} ({k:,} of {n:,})"


def share_words(k: int, n: int, figure: Estimate) -> str:
    """A share in percent with its counts and interval."""
    return f"{percent_words(figure)} ({k:,} of {n:,})" if n else percent_words(figure)


def percent_words(figure: Estimate) -> str:
    """A share in percent with its interval, or why there is none."""
    if figure.value is None:
        return f"not known: {figure.reason}"
    ends = "" if figure.ci95 is None else f", 95 % {figure.ci95[0]:.1%} to {figure.ci95[1]:.1%}"
    return f"{figure.value:.1%}{ends}"


def estimate_words(figure: Estimate) -> str:
    """A figure with its interval, or why there is none."""
    if figure.value is None:
        return f"not known: {figure.reason}"
    ends = "" if figure.ci95 is None else f", 95 % {figure.ci95[0]:.3f} to {figure.ci95[1]:.3f}"
    return f"{figure.value:.3f}{ends}"
