"""How often a judge is right, from what it said and what people say of the same items. Pure.

Pass is the positive class and people tell the truth. A figure that is undefined is None with its reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from msgspec import Struct, field

from traceview.analysis.agreement import Confusion, cohen_kappa, table_of
from traceview.analysis.correction import (
    EXPLORATORY,
    FEW_LABELS,
    Correction,
    label_warnings,
    ppi_mean,
    rogan_gladen,
    rogan_gladen_bootstrap,
)
from traceview.analysis.estimate import Estimate, undefined
from traceview.analysis.intervals import items_for, wilson
from traceview.judges.weighing import Drawn, Weighted, weigh
from traceview.model.judges import ScoreShape
from traceview.model.labels import NOT_APPLICABLE, LabelValue, Target
from traceview.model.splits import Split

Cell = Literal["tp", "fn", "fp", "tn"]
CELLS: tuple[Cell, ...] = ("tp", "fn", "fp", "tn")
SplitAsked = Split | Literal["all"]

TRUSTED_FROM = 0.7
"""The lower ends of the intervals of TPR and TNR, on the test split, from which a judge may stand in a headline."""
UNSCORED_BELOW = 0.05
"""The share of calls without a score from which no figure of a judge is reliable."""
HALF_WIDTH = 0.1
CATEGORIES_SHOWN = 40
"""Values up to which the table of a judge with several is told."""


class Compared(Struct, frozen=True):
    """An item of which both said something. `truth` is people's value, `said` the judge's."""

    target: Target
    truth: LabelValue
    said: LabelValue

    def cell(self, shape: ScoreShape) -> Cell | None:
        """Its cell of the table of pass and fail; None where a value is neither."""
        truth, said = shape.passes(self.truth), shape.passes(self.said)
        if truth is None or said is None:
            return None
        return ("tp" if said else "fn") if truth else ("fp" if said else "tn")


class Calls(Struct, frozen=True):
    """What came of the calls of a version, or of the checks of one, and the targets of which something was cut.

    `message` are the words of an error, `what` says what is counted: calls, or items of code.
    """

    scored: int = 0
    unscored: Mapping[str, int] = field(default_factory=dict)
    skipped: Mapping[str, int] = field(default_factory=dict)
    errors: Mapping[str, int] = field(default_factory=dict)
    truncated: frozenset[Target] = frozenset()
    message: str = ""
    what: str = "calls"

    @property
    def without_score(self) -> int:
        """Those that were answered without a verdict, and those that failed."""
        return sum(self.unscored.values()) + sum(self.errors.values())

    @property
    def count(self) -> int:
        """All but those that were skipped."""
        return self.scored + self.without_score

    @property
    def unscored_share(self) -> float | None:
        """Those without a score, of all; None if there was none."""
        return self.without_score / self.count if self.count else None


class Evidence(Struct, frozen=True):
    """What a calibration is made of.

    `compared` are the items that count, `left_out` how many labelled items do not, by the reason. `unlabelled` are the
    judge's values of items that nobody labelled. `ordered` says that the choices are in order. `calls` is None where
    it is not known what came of them; `look` is which look at the test split this is. `drawn` are the items of sessions
    that chance had a part in.
    """

    judge: str
    metric: str
    judge_hash: str
    shape: ScoreShape
    split: SplitAsked
    compared: Sequence[Compared]
    unlabelled: Sequence[LabelValue] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    ordered: bool = False
    calls: Calls | None = None
    blind: int = 0
    look: int | None = None
    notes: tuple[str, ...] = ()
    drawn: Sequence[Drawn] = ()


class Table(Struct, frozen=True):
    """Counts of people's values (rows) against the judge's (columns), in the order of `categories`."""

    categories: tuple[LabelValue, ...]
    counts: tuple[tuple[int, ...], ...]


class Needed(Struct, frozen=True):
    """Labels of a class that are still needed for an interval of TPR or TNR as narrow as is wanted.

    `for_rate` is the rate it was computed for: the one found, else 0.5, which needs the most.
    """

    have: int
    want: int
    for_rate: float

    @property
    def more(self) -> int:
        """How many more."""
        return max(0, self.want - self.have)


class Calibration(Struct, frozen=True):
    """The figures. `confusion` is None, with `confusion_reason`, where no value is a pass.

    `pass_rate` and `mean` are as the judge has them over items without a label, and corrected. `trusted` says whether
    the judge may stand in a headline, `distrust` why not. `weighted` are TPR, TNR and accuracy of all that samples were
    drawn from, None where no sample with different chances tells them.
    """

    evidence: Evidence
    confusion: Confusion | None
    confusion_reason: str | None
    table: Table | None
    kappa: Estimate
    kappa_linear: Estimate
    kappa_quadratic: Estimate
    pass_rate: Correction
    mean: Correction | None
    half_width: float
    needed: Mapping[str, Needed]
    trusted: bool
    distrust: tuple[str, ...]
    warnings: tuple[str, ...]
    weighted: Weighted | None = None

    @property
    def count(self) -> int:
        """Items that were compared: those in the table of pass and fail, else all."""
        return self.confusion.count if self.confusion is not None else len(self.evidence.compared)

    def cells(self, cell: Cell) -> tuple[Compared, ...]:
        """The items of a cell of the table of pass and fail."""
        return tuple(one for one in self.evidence.compared if one.cell(self.evidence.shape) == cell)


def calibrate(evidence: Evidence, half_width: float = HALF_WIDTH) -> Calibration:
    """Every figure of a judge on the items that count.

    The pass rate is corrected by Rogan and Gladen (1978), with a bootstrap where a class has fewer than 30 labels, the
    mean of numbers by prediction-powered inference. `half_width` is of the interval that labels are counted for.
    """
    shape = evidence.shape
    confusion = _confusion(evidence)
    reason = None if confusion is not None else NO_PASS[shape.type]
    table = _table(evidence)
    numbers = table.counts if table is not None else ()
    placed = evidence.ordered or shape.type == "numerical"
    unordered = undefined("these values have no order")
    kappa = confusion.kappa if confusion is not None and shape.type == "boolean" else _kappa(evidence)
    trusted, distrust = _trust(evidence, confusion)
    passed = _pass_rate(evidence, confusion, reason)
    mean = _mean(evidence) if shape.type == "numerical" else None
    return Calibration(
        evidence,
        confusion,
        reason,
        table,
        kappa,
        cohen_kappa(numbers, "linear") if placed else unordered,
        cohen_kappa(numbers, "quadratic") if placed else unordered,
        passed,
        mean,
        half_width,
        _needed(confusion, half_width),
        trusted,
        distrust,
        (*_warnings(evidence, confusion, passed, mean), *evidence.notes),
        weigh(evidence.drawn, shape) if tells_pass(shape) else None,
    )


NO_PASS: Mapping[str, str] = {
    "boolean": "no value is pass or fail",
    "categorical": "the judge does not say which choices pass: [score] pass = [...] does",
    "numerical": "the judge does not say from which number on it passes: [score] pass_at_least = N does",
}
"""Why there is no table of pass and fail, by the type of a score."""


def _confusion(evidence: Evidence) -> Confusion | None:
    shape = evidence.shape
    if not tells_pass(shape):
        return None
    cells = [one.cell(shape) for one in evidence.compared]
    return Confusion(*(cells.count(cell) for cell in CELLS))


def _kappa(evidence: Evidence) -> Estimate:
    return cohen_kappa(table_of((one.truth, one.said) for one in evidence.compared))


def _table(evidence: Evidence) -> Table | None:
    """The table of all values where they are few: in the order of the choices or numbers."""
    shape = evidence.shape
    met = {value for one in evidence.compared for value in (one.truth, one.said)}
    if shape.type == "boolean":
        return None
    order: list[LabelValue] = [choice for choice in shape.choices if choice in met or not evidence.compared]
    numbers = sorted(value for value in met if isinstance(value, int | float))
    if shape.type == "numerical" and numbers:
        whole = all(value == int(value) for value in numbers)
        order = list(range(int(numbers[0]), int(numbers[-1]) + 1)) if whole else list(numbers)
    else:
        order = list(shape.choices) or order
    order += sorted((value for value in met if value not in order), key=str)
    if not order or len(order) > CATEGORIES_SHOWN:
        return None
    counts = table_of(((one.truth, one.said) for one in evidence.compared), order)
    return Table(tuple(order), tuple(map(tuple, counts)))


def _pass_rate(evidence: Evidence, confusion: Confusion | None, reason: str | None) -> Correction:
    if confusion is None:
        none = undefined(reason or "")
        return Correction(none, none)
    verdicts = [
        verdict for value in evidence.unlabelled if (verdict := evidence.shape.passes(value)) is not None
    ]
    few = min(confusion.tp + confusion.fn, confusion.tn + confusion.fp) < FEW_LABELS
    correct = rogan_gladen_bootstrap if few else rogan_gladen
    return correct(sum(verdicts), len(verdicts), confusion)


def _mean(evidence: Evidence) -> Correction:
    pairs = [(one.said, one.truth) for one in evidence.compared]
    return ppi_mean(
        numbers_of(evidence.unlabelled),
        numbers_of(said for said, _ in pairs),
        numbers_of(truth for _, truth in pairs),
    )


def numbers_of(values: Iterable[LabelValue]) -> list[float]:
    """The numbers among values, in their order."""
    return [
        float(value) for value in values if isinstance(value, int | float) and not isinstance(value, bool)
    ]


def _needed(confusion: Confusion | None, half_width: float) -> dict[str, Needed]:
    if confusion is None:
        return {}
    classes = {
        "pass": (confusion.tp + confusion.fn, confusion.tpr.value),
        "fail": (confusion.tn + confusion.fp, confusion.tnr.value),
    }
    found = {}
    for name, (have, rate) in classes.items():
        # a rate of few labels says little of how many are needed
        assumed = rate if rate is not None and have >= EXPLORATORY else 0.5
        found[name] = Needed(have, items_for(assumed, half_width), assumed)
    return found


def _trust(evidence: Evidence, confusion: Confusion | None) -> tuple[bool, tuple[str, ...]]:
    """Whether a judge may stand in a headline, and why not."""
    why: list[str] = []
    if evidence.split != "test":
        why.append(f"these are figures of {evidence.split} labels: only --split test tells")
    if confusion is None:
        why.append("there is no table of pass and fail")
    else:
        for name, rate in (("TPR", confusion.tpr), ("TNR", confusion.tnr)):
            if rate.ci95 is None:
                why.append(f"{name} is not known: {rate.reason}")
            elif rate.ci95[0] < TRUSTED_FROM:
                why.append(f"{name} may be as low as {rate.ci95[0]:.2f}, below {TRUSTED_FROM}")
    share = evidence.calls.unscored_share if evidence.calls is not None else None
    if share is not None and share >= UNSCORED_BELOW:
        why.append(f"{share:.1%} of the {evidence.calls.what if evidence.calls else 'calls'} gave no score")
    return not why, tuple(why)


def _warnings(
    evidence: Evidence, confusion: Confusion | None, passed: Correction, mean: Correction | None
) -> list[str]:
    said: list[str] = []
    if confusion is not None:
        said += passed.warnings or label_warnings(confusion)
        if passed.corrected.value is not None:
            said += _certainties(confusion)
    if mean is not None:
        said += mean.warnings
    calls = evidence.calls
    if calls is not None and (share := calls.unscored_share) is not None and share >= UNSCORED_BELOW:
        interval = wilson(calls.without_score, calls.count)
        assert interval is not None
        said.append(
            f"{calls.without_score:,} of {calls.count:,} {calls.what} gave no score ({share:.1%}, "
            f"95 % {interval[0]:.1%} to {interval[1]:.1%}): what they would have said is not in any figure, "
            "and none is reliable"
        )
    return said


def _certainties(confusion: Confusion) -> list[str]:
    """Rates that the interval of the correction takes for certain, since no error was seen."""
    return [
        f"no error was seen on {n:,} labels that are {word}: the corrected interval takes {name} for certain, "
        f"which may be as low as {rate.ci95[0]:.2f}"
        for name, rate, n, word in (
            ("TPR", confusion.tpr, confusion.tp + confusion.fn, "pass"),
            ("TNR", confusion.tnr, confusion.tn + confusion.fp, "fail"),
        )
        if rate.value == 1 and rate.ci95 is not None
    ]


def tells_pass(shape: ScoreShape) -> bool:
    """Whether a shape says which of its values pass."""
    return shape.type == "boolean" or bool(shape.pass_choices) or shape.pass_at_least is not None


def is_applicable(value: LabelValue) -> bool:
    """Whether a value says something of its item."""
    return value is not None and value != NOT_APPLICABLE
