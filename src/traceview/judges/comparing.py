"""Two versions of a judge, or two judges, on the same items: what flipped, and which of them people agree with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from traceview.analysis.agreement import cohen_kappa, table_of
from traceview.analysis.estimate import Estimate, undefined
from traceview.analysis.mcnemar import McNemar, mcnemar
from traceview.judges.calibration import is_applicable
from traceview.model.judges import ScoreShape
from traceview.model.labels import LabelValue, Target


class Side(Struct, frozen=True):
    """One of the two: a judge, its version, and what it said."""

    judge: str
    judge_hash: str
    values: Mapping[Target, LabelValue]


class Flip(Struct, frozen=True):
    """An item of which the two said something else; `truth` is people's value, if they gave one."""

    target: Target
    first: LabelValue
    second: LabelValue
    truth: LabelValue = None


class Comparison(Struct, frozen=True):
    """What two sides say of the `paired` items that both scored, "does not apply" included.

    `passing` tests whether one passes more than the other, over items that both call pass or fail; `right` whether
    one agrees with people more, over the `truthful` of them that have people's value.
    """

    first: Side
    second: Side
    paired: int
    flips: tuple[Flip, ...]
    passing: McNemar
    right: McNemar
    truthful: int
    first_right: int
    second_right: int
    kappa: Estimate
    notes: tuple[str, ...] = ()


def compare(
    first: Side,
    second: Side,
    shape: ScoreShape,
    truth: Mapping[Target, LabelValue],
    notes: Sequence[str] = (),
    labelled: Mapping[Target, LabelValue] | None = None,
) -> Comparison:
    """The comparison, its flips in the order of kind and id. `truth` has people's values that figures may be made of.

    `labelled` has those that stand beside the flips, of any split; without it they are those of `truth`.
    """
    both = sorted(
        first.values.keys() & second.values.keys(), key=lambda one: (one.kind, one.id, one.trace_id or "")
    )
    flips: list[Flip] = []
    gained = lost = better = worse = truthful = first_right = second_right = 0
    for target in both:
        one, other = first.values[target], second.values[target]
        said = truth.get(target)
        if _key(one) != _key(other):
            flips.append(Flip(target, one, other, (truth if labelled is None else labelled).get(target)))
        passes, passed = shape.passes(one), shape.passes(other)
        if passes is not None and passed is not None:
            gained += passed and not passes
            lost += passes and not passed
        if is_applicable(said) and is_applicable(one) and is_applicable(other):
            truthful += 1
            was, now = _right(one, said, shape), _right(other, said, shape)
            first_right += was
            second_right += now
            better += now and not was
            worse += was and not now
    pairs = [(_key(first.values[target]), _key(second.values[target])) for target in both]
    kappa = cohen_kappa(table_of(pairs)) if pairs else undefined("the two have no item in common")
    return Comparison(
        first,
        second,
        len(both),
        tuple(flips),
        mcnemar(gained, lost),
        mcnemar(better, worse),
        truthful,
        first_right,
        second_right,
        kappa,
        tuple(notes),
    )


def as_json(found: Comparison) -> dict[str, Any]:
    """The object of `judge diff --json`."""
    return {
        "a": _side_json(found.first),
        "b": _side_json(found.second),
        "paired": found.paired,
        "same": found.paired - len(found.flips),
        "flips": len(found.flips),
        "kappa": found.kappa.value,
        "kappa_reason": found.kappa.reason,
        "fail_to_pass": found.passing.gained,
        "pass_to_fail": found.passing.lost,
        "mcnemar_p": found.passing.p,
        "mcnemar_reason": found.passing.reason,
        "labelled": found.truthful,
        "a_right": found.first_right,
        "b_right": found.second_right,
        "b_right_only": found.right.gained,
        "a_right_only": found.right.lost,
        "right_mcnemar_p": found.right.p,
        "right_mcnemar_reason": found.right.reason,
        "items": [
            {
                "target_kind": one.target.kind,
                "target_id": one.target.id,
                "trace_id": one.target.trace_id,
                "a": one.first,
                "b": one.second,
                "human": one.truth,
            }
            for one in found.flips
        ],
        "warnings": list(found.notes),
    }


def _side_json(side: Side) -> dict[str, Any]:
    return {"judge": side.judge, "judge_hash": side.judge_hash, "scored": len(side.values)}


def _right(said: LabelValue, truth: LabelValue, shape: ScoreShape) -> bool:
    """Whether a value is what people say: on the same side of pass and fail where the shape tells, else the same."""
    sides = shape.passes(said), shape.passes(truth)
    return sides[0] == sides[1] if None not in sides else _key(said) == _key(truth)


def _key(value: LabelValue) -> tuple[bool, LabelValue]:
    """True is not 1 here."""
    return isinstance(value, bool), value
