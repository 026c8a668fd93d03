"""The figures of a judge: the worked examples, what is undefined, what is left out of the figures and said."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traceview.analysis.intervals import items_for, wilson
from traceview.judges.calibration import Calls, Compared, Evidence, SplitAsked, calibrate
from traceview.judges.calibration_json import as_json
from traceview.judges.comparing import Side, compare
from traceview.judges.comparing import as_json as diff_json
from traceview.model.judges import ScoreShape
from traceview.model.labels import LabelValue, Target

BOOLEAN = ScoreShape("boolean")


def target(number: int) -> Target:
    return Target("trace", f"t{number}", f"t{number}")


def compared(pairs: Sequence[tuple[LabelValue, LabelValue]]) -> list[Compared]:
    return [Compared(target(number), truth, said) for number, (truth, said) in enumerate(pairs)]


def binary(
    tp: int,
    fn: int,
    fp: int,
    tn: int,
    passed: int = 0,
    judged: int = 0,
    split: SplitAsked = "dev",
    calls: Calls | None = None,
) -> dict[str, Any]:
    pairs = [(True, True)] * tp + [(True, False)] * fn + [(False, True)] * fp + [(False, False)] * tn
    unlabelled = [True] * passed + [False] * (judged - passed)
    return as_json(
        calibrate(Evidence("j", "good", "abc", BOOLEAN, split, compared(pairs), unlabelled, calls=calls))
    )


def test_labels_that_are_needed() -> None:
    asked = [(half, rate) for half in (0.10, 0.05) for rate in (0.9, 0.8, 0.5)]
    assert [items_for(rate, half) for half, rate in asked] == [37, 60, 93, 141, 245, 381]


@given(st.floats(0, 1), st.floats(0.02, 0.4))
def test_one_label_less_is_too_few(rate: float, half: float) -> None:
    def width(n: int) -> float:
        ends = wilson(rate * n, n)
        assert ends is not None
        return ends[1] - ends[0]

    n = items_for(rate, half)
    assert width(n) <= 2 * half
    assert n == 1 or width(n - 1) > 2 * half


def test_needed_labels_are_told_by_class() -> None:
    told = binary(36, 4, 2, 8)
    # of 40 passes the rate is known: 0.9 needs 37; of 10 fails it is not, so 0.5 is assumed
    assert told["labels_needed"] == {
        "pass": {"have": 40, "want": 37, "more": 0, "half_width": 0.1},
        "fail": {"have": 10, "want": 93, "more": 83, "half_width": 0.1},
    }


@given(*(st.integers(0, 12),) * 4, st.integers(0, 20), st.integers(0, 20))
def test_no_figure_is_ever_made_up(tp: int, fn: int, fp: int, tn: int, passed: int, failed: int) -> None:
    told = binary(tp, fn, fp, tn, passed, passed + failed)
    assert (told["tpr"] is None) == (tp + fn == 0)
    assert (told["tnr"] is None) == (fp + tn == 0)
    assert (told["corrected_pass_rate"] is None) == (told["correction_refused"] is not None)
    assert (told["kappa"] is None) == (told["kappa_reason"] is not None)
    numbers = [value for value in told.values() if isinstance(value, float)]
    assert all(math.isfinite(number) for number in numbers)
    if told["corrected_ci95"] is not None:
        low, high = told["corrected_ci95"]
        assert 0 <= low <= high <= 1
    assert told["n"] == tp + fn + fp + tn


@pytest.mark.parametrize(
    ("given", "split", "calls", "trusted", "why"),
    [
        ((95, 5, 5, 95), "test", Calls(100), True, ""),
        ((95, 5, 5, 95), "dev", Calls(100), False, "only --split test tells"),
        ((95, 5, 5, 95), "test", Calls(94, {"parse_error": 6}), False, "6.0% of the calls gave no score"),
        ((95, 5, 25, 75), "test", None, False, "TNR may be as low as 0.66"),
        ((9, 1, 0, 0), "test", None, False, "TNR is not known: nothing truly fails"),
    ],
)
def test_trust(given: tuple[int, ...], split: Any, calls: Calls | None, trusted: bool, why: str) -> None:
    told = binary(*given, split=split, calls=calls)
    assert told["trusted"] is trusted
    assert why in " ".join(told["distrust"])


def test_unscored_calls_are_said_with_their_interval() -> None:
    told = binary(40, 2, 3, 40, calls=Calls(90, {"parse_error": 7, "refusal": 3}))
    assert told["unscored_share"] == 0.1
    assert "10 of 100 calls gave no score (10.0%, 95 % 5.5% to 17.4%)" in told["warnings"][-1]


def test_numbers_are_corrected_by_prediction_powered_inference() -> None:
    shape = ScoreShape("numerical", minimum=1, maximum=5)
    pairs: list[tuple[LabelValue, LabelValue]] = [(2, 3), (3, 4), (4, 4), (1, 2), (5, 5), (3, 4)] * 10
    unlabelled: list[LabelValue] = [3, 4, 4, 5, 2] * 20
    told = as_json(calibrate(Evidence("j", "m", "h", shape, "all", compared(pairs), unlabelled)))
    assert told["tp"] is None
    assert "pass_at_least" in told["confusion_reason"]
    assert told["observed_mean"] == pytest.approx(3.6)
    # the judge is 4 / 6 too high on what people labelled
    assert told["corrected_mean"] == pytest.approx(3.6 - 4 / 6)
    low, high = told["corrected_mean_ci95"]
    assert low < told["corrected_mean"] < high
    assert told["categories"] == [1, 2, 3, 4, 5]
    assert told["kappa_quadratic"] > told["kappa_linear"] > told["kappa"]


def test_numbers_that_pass_from_one_on_are_both() -> None:
    shape = ScoreShape("numerical", minimum=1, maximum=5, pass_at_least=4)
    told = as_json(
        calibrate(Evidence("j", "m", "h", shape, "all", compared([(4, 5), (5, 2), (1, 4), (2, 1)])))
    )
    assert [told[cell] for cell in ("tp", "fn", "fp", "tn")] == [1, 1, 1, 1]
    assert told["corrected_mean"] is None
    assert told["corrected_mean_reason"]


def test_choices_that_pass() -> None:
    shape = ScoreShape("categorical", choices=("a", "b", "c"), pass_choices=("a", "b"))
    told = as_json(
        calibrate(Evidence("j", "m", "h", shape, "all", compared([("a", "b"), ("c", "c"), ("a", "c")])))
    )
    assert [told[cell] for cell in ("tp", "fn", "fp", "tn")] == [1, 1, 0, 1]
    assert told["table"] == [[0, 1, 1], [0, 0, 0], [0, 0, 1]]
    assert told["kappa_linear"] is None


def test_two_versions_on_the_same_items() -> None:
    first = Side("j", "one", {target(n): n % 2 == 0 for n in range(10)} | {target(90): True})
    second = Side("j", "two", {target(n): n % 2 == 0 or n == 3 for n in range(10)} | {target(0): "n/a"})
    truth: dict[Target, LabelValue] = {target(3): True, target(4): True, target(5): True, target(0): True}
    told = diff_json(compare(first, second, BOOLEAN, truth))
    assert (told["paired"], told["flips"]) == (10, 2)
    assert (told["fail_to_pass"], told["pass_to_fail"], told["mcnemar_p"]) == (1, 0, 1.0)
    assert (told["labelled"], told["a_right"], told["b_right"], told["b_right_only"]) == (3, 1, 2, 1)
    # labels that no figure may be made of stand beside the flips all the same
    beside = compare(first, second, BOOLEAN, {}, labelled=truth)
    assert beside.truthful == 0 and [flip.truth for flip in beside.flips] == [True, True]
    assert told["items"] == [
        {"target_kind": "trace", "target_id": "t0", "trace_id": "t0", "a": True, "b": "n/a", "human": True},
        {"target_kind": "trace", "target_id": "t3", "trace_id": "t3", "a": False, "b": True, "human": True},
    ]


@given(st.dictionaries(st.integers(0, 30), st.booleans()), st.dictionaries(st.integers(0, 30), st.booleans()))
def test_flips_are_those_that_differ_whichever_comes_first(
    one: dict[int, bool], other: dict[int, bool]
) -> None:
    def side(values: dict[int, bool]) -> Side:
        return Side("j", "h", {target(n): value for n, value in values.items()})

    there, back = (compare(side(a), side(b), BOOLEAN, {}) for a, b in ((one, other), (other, one)))
    assert there.paired == len(one.keys() & other.keys())
    assert {flip.target for flip in there.flips} == {
        target(n) for n in one.keys() & other.keys() if one[n] != other[n]
    }
    assert there.passing.p == back.passing.p
    assert (there.passing.gained, there.passing.lost) == (back.passing.lost, back.passing.gained)
