"""How far people agree under one definition: the figures of agreement, from the current rows of what they labelled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from msgspec import Struct
from msgspec.structs import replace

from traceview.analysis.agreement import cohen_kappa, table_of
from traceview.analysis.alpha import Level, krippendorff_alpha
from traceview.analysis.alpha_interval import alpha_interval
from traceview.analysis.estimate import Estimate, undefined
from traceview.analysis.intervals import wilson
from traceview.model.definitions import FeedbackDefinition
from traceview.model.labels import NOT_APPLICABLE, LabelRow, LabelValue, Target

FREE_TEXT = ("note", "correction")
WIDEST_SCALE = 100
"""Whole numbers from the lowest to the highest, up to which they are categories in order."""

NO_ITEMS = "no item has labels of two people"


class AgreementReport(Struct, frozen=True):
    """Agreement on one name. `annotators` are all who gave it a value, `items` what at least two of them did.

    `observed` is the share of pairs of annotators that said the same of an item, with an interval for two annotators;
    the kappas are for two. n/a is a value like others, but no place on a scale: what is ordered or measured is told
    without it. `level` is what alpha measures by; None for free text.
    """

    annotators: tuple[str, ...]
    items: int
    differing: int
    observed: Estimate
    kappa: Estimate
    kappa_linear: Estimate
    kappa_quadratic: Estimate
    alpha: Estimate
    level: Level | None

    @property
    def figures(self) -> dict[str, Estimate]:
        """The figures by the names that JSON has for them."""
        return {
            "observed_agreement": self.observed,
            "kappa": self.kappa,
            "kappa_linear": self.kappa_linear,
            "kappa_quadratic": self.kappa_quadratic,
            "alpha": self.alpha,
        }

    @property
    def reason(self) -> str | None:
        """Why figures are undefined, each reason with the figures that it is of; None if all are defined."""
        by_reason: dict[str, list[str]] = defaultdict(list)
        for name, figure in self.figures.items():
            if figure.reason is not None:
                by_reason[figure.reason].append(name)
        return "; ".join(f"{', '.join(names)}: {why}" for why, names in by_reason.items()) or None

    def as_json(self) -> dict[str, object]:
        """The object of `labels agreement --json`."""
        return {
            "annotators": list(self.annotators),
            "items": self.items,
            "observed_agreement": self.observed.value,
            "kappa": self.kappa.value,
            "kappa_linear": self.kappa_linear.value,
            "kappa_quadratic": self.kappa_quadratic.value,
            "kappa_ci95": None if self.kappa.ci95 is None else list(self.kappa.ci95),
            "alpha": self.alpha.value,
            "alpha_level": self.level,
            "reason": self.reason,
        }


def agreement_of(
    rows: Iterable[LabelRow], definition: FeedbackDefinition | None = None, name: str = ""
) -> AgreementReport:
    """The agreement of the annotators of current rows, all of one name and one source.

    Without a definition the values tell what they are: numbers are measured, anything else is told apart.
    """
    said: dict[Target, dict[str, LabelValue]] = defaultdict(dict)
    for row in rows:
        said[row.target][row.annotator] = row.value
    annotators = tuple(sorted({annotator for values in said.values() for annotator in values}))
    shared = [values for values in said.values() if len(values) > 1]
    differing = sum(len(set(values.values())) > 1 for values in shared)
    level, order = _scale(shared, definition, name)
    if level is None:
        none = undefined("free text has no agreement: what two people write is never the same")
        return AgreementReport(annotators, len(shared), differing, none, none, none, none, none, None)
    kappas = _kappas(shared, annotators, level, order)
    alpha = _alpha(shared, annotators, level, order)
    return AgreementReport(
        annotators, len(shared), differing, _observed(shared, len(annotators)), *kappas, alpha, level
    )


def _scale(
    shared: Sequence[Mapping[str, LabelValue]], definition: FeedbackDefinition | None, name: str
) -> tuple[Level | None, Sequence[LabelValue] | None]:
    """What the values differ by, and all places of the scale in order where they are few: None where there are none."""
    values = {value for one in shared for value in one.values() if value != NOT_APPLICABLE}
    if name in FREE_TEXT or (definition is not None and definition.type == "text"):
        return None, None
    if definition is not None and definition.ordered and not definition.multi:
        return "ordinal", definition.choices
    measured = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    if definition.type != "numerical" if definition is not None else not (values and measured):
        return "nominal", None
    whole = [int(value) for value in values if isinstance(value, int | float) and value == int(value)]
    if not whole or len(whole) < len(values) or max(whole) - min(whole) > WIDEST_SCALE:
        return "interval", None
    return "interval", range(min(whole), max(whole) + 1)


def _observed(shared: Sequence[Mapping[str, LabelValue]], annotators: int) -> Estimate:
    same = pairs = 0
    for values in shared:
        same += sum(first == second for first, second in combinations(values.values(), 2))
        pairs += len(values) * (len(values) - 1) // 2
    if not pairs:
        return undefined(NO_ITEMS)
    # pairs of one item are no items of their own: only two annotators give as many pairs as items
    return Estimate(same / pairs, ci95=wilson(same, pairs) if annotators == 2 else None)


def _kappas(
    shared: Sequence[Mapping[str, LabelValue]],
    annotators: Sequence[str],
    level: Level,
    order: Sequence[LabelValue] | None,
) -> tuple[Estimate, Estimate, Estimate]:
    """Cohen's kappa, not weighted, linear and quadratic."""
    if not shared:
        return undefined(NO_ITEMS), undefined(NO_ITEMS), undefined(NO_ITEMS)
    if len(annotators) != 2:
        none = undefined(f"kappa is of two people, here are {len(annotators)}: name two with --between")
        return none, none, none
    first, second = annotators
    pairs = [(values[first], values[second]) for values in shared]
    plain = cohen_kappa(table_of(pairs))
    if order is None:
        what = (
            "these choices have no order (ordered = true gives them one)" if level == "nominal" else NO_SCALE
        )
        return plain, undefined(what), undefined(what)
    placed = [pair for pair in pairs if all(value in order for value in pair)]
    table = table_of(placed, order)
    return plain, cohen_kappa(table, "linear"), cohen_kappa(table, "quadratic")


NO_SCALE = f"the numbers are no scale of whole numbers, {WIDEST_SCALE} apart at most"


def _alpha(
    shared: Sequence[Mapping[str, LabelValue]],
    annotators: Sequence[str],
    level: Level,
    order: Sequence[LabelValue] | None,
) -> Estimate:
    if not shared:
        return undefined(NO_ITEMS)
    items = [[values.get(annotator) for annotator in annotators] for values in shared]
    if level != "nominal":
        on_scale = None if level == "interval" else set(order or ())
        items = [
            [
                value if value != NOT_APPLICABLE and (on_scale is None or value in on_scale) else None
                for value in one
            ]
            for one in items
        ]
    alpha = krippendorff_alpha(items, level, order or ())
    if alpha.value is None:
        return alpha
    return replace(alpha, ci95=alpha_interval(items, level, order or ()))
