"""Replies: nothing is scored that was not said, whatever the text; several replies to one question."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traceview.definitions.prices import Band, Price
from traceview.judges.ledger.records import Usage, Verdict
from traceview.judges.prompting import schema_of
from traceview.judges.running.money import cost, nanos_of, worst_cost
from traceview.judges.running.replies import PARSE_ERROR, flips, majority, usage_of, verdict_of
from traceview.model.judges import Criterion, JudgeDefinition, OutcomeKind, ScoreShape
from traceview.model.labels import NOT_APPLICABLE

SHAPES = {
    "boolean": ScoreShape("boolean"),
    "boolean with n/a": ScoreShape("boolean", allow_na=True),
    "categorical": ScoreShape("categorical", choices=("good", "so-so", "bad"), allow_na=True),
    "numerical": ScoreShape("numerical", minimum=1, maximum=5, allow_na=True),
}


def judge(shape: ScoreShape, **changed: Any) -> JudgeDefinition:
    return JudgeDefinition("j", "m", "llm", "trace", shape, **changed)


def said(one: JudgeDefinition, text: str) -> Verdict:
    reply = {"content": [{"type": "text", "text": text}], "stop_reason": "end_turn"}
    return verdict_of(one, schema_of(one), reply)


def full(verdict: Any) -> str:
    return json.dumps({"explanation": "e", "evidence": ["x"], "verdict": verdict})


@pytest.mark.parametrize(
    ("shape", "word", "value"),
    [
        ("boolean", "pass", True),
        ("boolean", "fail", False),
        ("boolean", "n/a", None),
        ("boolean", "PASS", None),
        ("boolean", True, None),
        ("boolean with n/a", "n/a", NOT_APPLICABLE),
        ("categorical", "so-so", "so-so"),
        ("categorical", "good ", None),
        ("categorical", "n/a", NOT_APPLICABLE),
        ("numerical", 1, 1),
        ("numerical", 5, 5),
        ("numerical", 6, None),
        ("numerical", "3", None),
        ("numerical", 3.0, None),
        ("numerical", True, None),
        ("numerical", 0.8, None),
        ("numerical", "n/a", NOT_APPLICABLE),
    ],
)
def test_a_verdict_is_what_the_schema_allows(shape: str, word: Any, value: Any) -> None:
    verdict = said(judge(SHAPES[shape]), full(word))
    if value is None:
        assert verdict == Verdict("unscored", "parse_error")
    else:
        assert (verdict.value, type(verdict.value)) == (value, type(value))
        assert verdict.outcome == ("not_applicable" if value == NOT_APPLICABLE else "scored")
        assert (verdict.explanation, verdict.evidence) == ("e", ("x",))


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
KEYS = st.sampled_from(["explanation", "evidence", "verdict", "other"])
JSON = st.recursive(
    LEAVES, lambda one: st.lists(one, max_size=3) | st.dictionaries(KEYS, one, max_size=4), max_leaves=8
)


@given(st.sampled_from(list(SHAPES)), st.text() | JSON.map(json.dumps))
def test_any_other_text_is_no_score(shape: str, text: str) -> None:
    one = judge(SHAPES[shape])
    verdict = said(one, text)
    if verdict.outcome in ("scored", "not_applicable"):
        told = json.loads(text)
        assert set(told) == {"explanation", "evidence", "verdict"}
        assert told["verdict"] in schema_of(one)["properties"]["verdict"]["enum"]
    else:
        assert verdict == Verdict("unscored", "parse_error") and verdict.value is None


@pytest.mark.parametrize(
    ("combine", "met", "whole"),
    [
        ("all", [True, True, True], True),
        ("all", [True, False, True], False),
        ("any", [False, True, False], True),
        ("any", [False, False, False], False),
        ("all", [True, "n/a", True], True),
        ("all", ["n/a", "n/a", "n/a"], NOT_APPLICABLE),
        ("all", [True, "maybe", True], None),
        ("all", [True, None, True], None),
        ("all", [True, 1, True], None),
    ],
)
def test_parts_are_combined_in_code(combine: Any, met: list[Any], whole: Any) -> None:
    names = ("one", "two", "three")
    one = judge(
        ScoreShape("boolean", allow_na=True),
        criteria=tuple(Criterion(name, "is met") for name in names),
        combine=combine,
    )
    told = {"explanation": ""} | {
        name: {"evidence": ["x"], "met": value} for name, value in zip(names, met, strict=True)
    }
    verdict = said(one, json.dumps(told))
    if whole is None:
        assert verdict == Verdict("unscored", "parse_error")
    else:
        assert (verdict.value, verdict.parts) == (whole, dict(zip(names, met, strict=True)))
    # a verdict on the whole is never taken from the model
    assert said(one, json.dumps(told | {"verdict": "pass"})) == Verdict("unscored", "parse_error")


def verdicts(*values: Any) -> list[Verdict]:
    """Verdicts with these values; None is a reply that was not understood."""
    found = []
    for one in values:
        outcome: OutcomeKind = "not_applicable" if one == "n/a" else "scored"
        found.append(PARSE_ERROR if one is None else Verdict(outcome, value=one))
    return found


@pytest.mark.parametrize(
    ("shape", "values", "value", "reason"),
    [
        ("boolean", [True, True, False], True, None),
        ("boolean", [True, False], None, "no_majority"),
        ("boolean", [True, True, None], True, None),
        ("boolean", [True, None, None], None, "parse_error"),
        ("boolean", [True, None], None, "parse_error"),
        ("boolean with n/a", ["n/a", "n/a", False], "n/a", None),
        ("categorical", ["good", "bad", "so-so"], None, "no_majority"),
        ("categorical", ["good", "bad", "bad"], "bad", None),
        ("numerical", [1, 2, 5], 2, None),
        ("numerical", [1, 5], 1, None),
        ("numerical", [4, "n/a", 4], 4, None),
    ],
)
def test_several_replies_to_one_question(
    shape: str, values: list[Any], value: Any, reason: str | None
) -> None:
    verdict = majority(verdicts(*values), SHAPES[shape])
    assert (verdict.value, verdict.reason) == (value, reason)


@given(st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=9))
def test_a_majority_is_always_one_that_was_said(values: list[Any]) -> None:
    verdict = majority(verdicts(*values), SHAPES["boolean"])
    if verdict.outcome == "scored":
        assert values.count(verdict.value) > values.count(not verdict.value)
        assert (values.count(True) + values.count(False)) * 2 > len(values)
    else:
        assert verdict.value is None


def test_flips_are_pairs_that_differ() -> None:
    assert flips(verdicts(True, True, False)) == (2, 3)
    assert flips(verdicts(True, True, None)) == (0, 1)
    assert flips(verdicts(1, True)) == (1, 1)
    assert flips(verdicts(None)) == (0, 0)


CACHED = {"cache_read_input_tokens": 3, "cache_creation_input_tokens": None}


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"input_tokens": 5, "output_tokens": 2}, Usage(5, 0, 0, 2)),
        (
            {"input_tokens": 5, "output_tokens": 2} | CACHED,
            Usage(5, 3, 0, 2),
        ),
        ({"input_tokens": None, "output_tokens": 2}, None),
        (None, None),
        ("many", None),
    ],
)
def test_usage(usage: Any, expected: Usage | None) -> None:
    assert usage_of({"usage": usage}) == expected


BANDED = Price("m", (Band(0, 0.10, 0.50, 0.01, 0.125), Band(100_000, 0.50, 2.50, 0.05, 0.625)), 0.5)


@pytest.mark.parametrize(
    ("usage", "batch", "nanos"),
    [
        (Usage(1_000_000, 0, 0, 0), False, 500_000_000),
        (Usage(100_000, 0, 0, 1_000), False, 10_500_000),
        (Usage(100_000, 1, 0, 1_000), False, 52_500_050),
        (Usage(1, 0, 0, 0), False, 100),
        (Usage(0, 1, 1, 1), False, 10 + 125 + 500),
        (Usage(1, 0, 0, 0), True, 50),
        (Usage(0, 0, 1, 0), True, 63),
    ],
)
def test_money_is_whole_and_rounded_up(usage: Usage, batch: bool, nanos: int) -> None:
    assert cost(BANDED, usage, batch=batch) == nanos


@given(
    st.text(max_size=400),
    st.integers(1, 4000),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.integers(0, 4000),
    st.booleans(),
)
def test_no_call_costs_more_than_the_worst(
    text: str, most: int, a: int, b: int, out: int, batch: bool
) -> None:
    """Whatever of the prompt was cached, and however it was cut into tokens: at most one for each byte."""
    tokens = len(text.encode()) + 900
    read, write = sorted((a % (tokens + 1), b % (tokens + 1)))
    usage = Usage(tokens - write, read, write - read, min(out, most))
    assert cost(BANDED, usage, batch=batch) <= worst_cost(BANDED, (text,), most, batch=batch)


def test_a_cap_is_never_more_than_was_said() -> None:
    assert nanos_of(0.1) == 100_000_000
    assert nanos_of(2.00) == 2_000_000_000
    assert nanos_of(0.0000000019) == 1
