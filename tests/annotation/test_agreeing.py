"""Agreement from label rows: which figures a definition has, and why others are missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from traceview.analysis.agreement import cohen_kappa, table_of
from traceview.annotation.agreeing import AgreementReport, agreement_of
from traceview.definitions.feedback import hashed
from traceview.model.definitions import FeedbackDefinition, FeedbackType
from traceview.model.labels import LabelRow, LabelValue, Target

_ = None
NEAR = 1e-6


def definition(type_: FeedbackType, **given: object) -> FeedbackDefinition:
    return hashed(FeedbackDefinition("it", type_, ("trace",), "", **given))  # type: ignore[arg-type]


SCALE = definition("categorical", choices=("low", "mid", "high"), ordered=True)


def report(
    said: Mapping[str, Sequence[LabelValue]], given: FeedbackDefinition | None = None, name: str = "it"
) -> AgreementReport:
    """Of values by annotator, one for each trace; None where one is missing."""
    rows = [
        LabelRow(f"{who}{at}", Target("trace", f"t{at}", f"t{at}"), name, value, "human", who, "")
        for who, values in said.items()
        for at, value in enumerate(values)
        if value is not None
    ]
    return agreement_of(rows, given, name)


def test_two_people_pass_and_fail() -> None:
    """The binary example of judges.md, as two people: 11 and 6 alike, 1 and 2 apart; a third item has one value."""
    kim: list[LabelValue] = [True] * 12 + [False] * 8 + [True]
    lee: list[LabelValue] = [True] * 11 + [False] + [True] * 2 + [False] * 6
    found = report({"lee": lee, "kim": kim}, definition("boolean"))
    assert (found.annotators, found.items, found.differing) == (("kim", "lee"), 20, 3)
    told = found.as_json()
    assert list(told) == [
        "annotators", "items", "observed_agreement", "kappa", "kappa_linear", "kappa_quadratic", "kappa_ci95", "alpha",
        "alpha_level", "reason",
    ]  # fmt: skip
    assert told["observed_agreement"] == 0.85
    assert told["kappa"] == pytest.approx(0.680851, abs=NEAR)
    assert told["kappa_linear"] is told["kappa_quadratic"] is None
    assert told["alpha_level"] == "nominal"
    # 1 - 39 * 2 * 3 / (2 * 25 * 15): values 25 and 15
    assert told["alpha"] == pytest.approx(1 - 39 * 6 / (2 * 25 * 15))
    assert (
        told["reason"]
        == "kappa_linear, kappa_quadratic: these choices have no order (ordered = true gives them one)"
    )


def test_ordered_choices_have_weighted_kappas() -> None:
    """The example of three classes in judges.md."""
    table = [[20, 5, 1], [4, 15, 6], [0, 3, 16]]
    pairs = [
        (SCALE.choices[i], SCALE.choices[j]) for i in range(3) for j in range(3) for _ in range(table[i][j])
    ]
    said: dict[str, Sequence[LabelValue]] = {"a": [one for one, _ in pairs], "b": [two for _, two in pairs]}
    found = report(said, SCALE)
    assert found.kappa.value == pytest.approx(0.592525, abs=NEAR)
    assert found.kappa_linear.value == pytest.approx(0.675776, abs=NEAR)
    assert found.kappa_quadratic.value == pytest.approx(0.760349, abs=NEAR)
    assert found.as_json()["kappa_ci95"] == pytest.approx([0.436516, 0.748533], abs=NEAR)
    assert (found.level, found.reason) == ("ordinal", None)


def test_does_not_apply_is_no_place_on_a_scale() -> None:
    said: dict[str, Sequence[LabelValue]] = {
        "a": ["low", "high", "n/a", "mid", "n/a"],
        "b": ["low", "high", "mid", "low", "n/a"],
    }
    found = report(said, SCALE)
    without = report({who: values[:2] + values[3:4] for who, values in said.items()}, SCALE)
    assert found.observed.value == 0.6
    assert found.kappa_linear == without.kappa_linear
    assert found.alpha == without.alpha
    assert found.kappa != without.kappa


def test_numbers_that_nobody_gave_are_places_of_the_scale() -> None:
    """From 2 to 5 it is three steps, though nobody said 3 or 4."""
    said: dict[str, Sequence[LabelValue]] = {"a": [1, 2, 5, 1, 2], "b": [1, 2, 5, 2, 5]}
    pairs = list(zip(*said.values(), strict=True))
    found = report(said, definition("numerical"))
    assert found.kappa_linear == cohen_kappa(table_of(pairs, [1, 2, 3, 4, 5]), "linear")
    assert found.kappa_linear != cohen_kappa(table_of(pairs, [1, 2, 5]), "linear")


@pytest.mark.parametrize("given", [definition("numerical"), None])
def test_numbers_are_measured(given: FeedbackDefinition | None) -> None:
    """Whole numbers have weighted kappas by their distance; without a definition numbers are known by themselves."""
    found = report({"a": [1, 2, 5, 3], "b": [1, 3, 5, 3]}, given)
    assert found.level == "interval"
    assert found.kappa_quadratic.value is not None and found.kappa.value is not None
    assert found.kappa_quadratic.value > found.kappa.value
    halves = report({"a": [1.5, 2, 5], "b": [1.5, 3, 5]}, given)
    assert halves.alpha.value is not None
    assert "no scale of whole numbers" in (halves.reason or "")
    far = report({"a": [1, 20_000], "b": [1, 3]}, given)
    assert far.kappa_linear.value is None and far.alpha.value is not None


def test_three_people_have_alpha() -> None:
    """Two pairs of three agree on the first item, all on the second: 4 of 6; the third has one value."""
    found = report(
        {"a": [True, True, True], "b": [True, True, _], "c": [False, True, _]}, definition("boolean")
    )
    assert found.items == 2
    assert found.observed.value == pytest.approx(4 / 6)
    assert found.observed.ci95 is None
    assert found.alpha.value == pytest.approx(1 - 5 * 2 / (2 * 5 * 1))
    assert found.kappa.value is None
    assert "kappa is of two people, here are 3: name two with --between" in (found.reason or "")


@pytest.mark.parametrize(
    ("said", "items"),
    [({}, 0), ({"a": [True, False]}, 0), ({"a": [True, _], "b": [_, True]}, 0)],
)
def test_nobody_to_agree_with(said: dict[str, Sequence[LabelValue]], items: int) -> None:
    found = report(said, definition("boolean"))
    assert found.items == items
    assert all(figure.value is None for figure in found.figures.values())
    assert found.reason is not None and "no item has labels of two people" in found.reason
    assert found.as_json()["kappa_ci95"] is None


def test_all_alike_is_undefined_not_perfect() -> None:
    found = report({"a": [True] * 9, "b": [True] * 9}, definition("boolean"))
    assert found.observed.value == 1
    assert found.kappa.value is None and found.alpha.value is None
    assert "one and the same value" in (found.reason or "")


@pytest.mark.parametrize(("name", "given"), [("note", None), ("it", definition("text"))])
def test_free_text_has_none(name: str, given: FeedbackDefinition | None) -> None:
    found = report({"a": ["too long"], "b": ["too short"]}, given, name)
    assert found.level is None and found.items == 1
    assert "free text" in (found.reason or "")
    assert all(figure.value is None for figure in found.figures.values())


def test_several_choices_are_alike_as_a_whole() -> None:
    found = report(
        {"a": [("x", "y"), ("x",)], "b": [("x", "y"), ("y",)]},
        definition("categorical", choices=("x", "y"), multi=True, ordered=True),
    )
    assert (found.level, found.observed.value) == ("nominal", 0.5)
