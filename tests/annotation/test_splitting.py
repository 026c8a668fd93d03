"""Splits: shares, that a thread is never torn apart, leaks across splits, and what people differ on."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traceview.annotation.splitting import (
    SplitText,
    conflicts_of,
    group_of,
    leaks,
    overruled,
    parse_ratios,
    split_of,
)
from traceview.model.errors import BadInput
from traceview.model.labels import LabelRow, LabelValue, Target


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("train=0.8,dev=0.1,test=0.1", (("train", 0.8), ("dev", 0.1), ("test", 0.1))),
        (" train = 80% , test=20%", (("train", 0.8), ("test", 0.2))),
        ("all=1", (("all", 1.0),)),
    ],
)
def test_shares(text: str, shares: tuple[tuple[str, float], ...]) -> None:
    assert parse_ratios(text).shares == shares
    assert parse_ratios(str(parse_ratios(text))) == parse_ratios(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "expected NAME=SHARE"),
        ("train", "split 1 ('train')"),
        ("train=0.8,dev", "split 2 ('dev')"),
        ("train=0.8,dev=ten", "'ten' is not a number"),
        ("train=0.8,dev=0.1", "sum to 0.9, not 1"),
        ("train=0.8,dev=0.3", "sum to 1.1, not 1"),
        ("train=0.5,train=0.5", "train stands there twice"),
        ("train=1.5", "at most 1"),
        ("train=-0.5,dev=1", "above 0"),
        ("train=nan,dev=1", "above 0"),
        ("../x=1", "letters, digits and _"),
    ],
)
def test_bad_shares(text: str, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_ratios(text)
    assert says in caught.value.message


def test_the_split_of_a_thread_is_the_same_for_ever() -> None:
    ratios = parse_ratios("train=0.8,dev=0.1,test=0.1")
    groups = [group_of(f"thr_{number}", "t") for number in range(12)]
    assert "".join(split_of(group, ratios, 1)[0] for group in groups) == "ttttdttttttt"
    assert group_of("a", "x") == group_of("a", "y") != group_of(None, "a")


@given(st.integers(), st.lists(st.text(), min_size=1))
def test_every_group_has_a_split_of_the_ratios(seed: int, ids: list[str]) -> None:
    ratios = parse_ratios("a=0.3,b=0.7")
    assert all(split_of(group_of(one, None), ratios, seed) in ratios.names for one in ids)


def test_shares_come_out_and_another_seed_splits_otherwise() -> None:
    ratios = parse_ratios("train=0.8,dev=0.1,test=0.1")
    groups = [group_of(None, f"t{number}") for number in range(5_000)]
    counts = Counter(split_of(group, ratios, 7) for group in groups)
    assert abs(counts["train"] - 4_000) < 120 and abs(counts["dev"] - 500) < 90
    assert [split_of(one, ratios, 7) for one in groups] != [split_of(one, ratios, 8) for one in groups]


def test_leaks_are_told_with_ids_and_splits() -> None:
    long = "Our refund policy allows thirty days from the date of delivery, with the receipt. " * 3
    rows = [
        SplitText("a", "train", "Refund?", "Refund? " + long),
        SplitText("b", "test", "refund? ", "Refund? no."),
        SplitText("c", "dev", "May I return it?", "Refund. " + long),
        SplitText("d", "dev", "Other", "nothing alike"),
        SplitText("e", "train", "Twice", "said twice in one split"),
        SplitText("f", "train", "Twice", "said twice in one split"),
    ]
    assert [(one.rows, one.reason) for one in leaks(rows)] == [
        ((("a", "train"), ("b", "test")), "same question"),
        ((("a", "train"), ("c", "dev")), "similar texts"),
    ]


def row(
    annotator: str, value: LabelValue, *, target: str = "t", name: str = "ok", session: str | None = None,
    at: str = "1", source: str = "human",
) -> LabelRow:  # fmt: skip
    place = Target("trace", target, target)
    return LabelRow(f"{annotator}{at}", place, name, value, source, annotator, at, session=session)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rows", "names"),
    [
        ([row("ann", True), row("bob", True)], []),
        ([row("ann", True), row("bob", False)], ["ok"]),
        ([row("ann", True), row("bob", "n/a")], ["ok"]),
        ([row("ann", 1), row("bob", 1.0)], []),
        ([row("ann", True), row("j", False, source="judge")], []),
        ([row("ann", "x", name="note"), row("bob", "y", name="note")], []),
        ([row("ann", True), row("bob", False, target="u")], []),
    ],
)
def test_conflicts(rows: list[LabelRow], names: list[str]) -> None:
    assert [one.name for one in conflicts_of(rows)] == names


def test_a_row_of_an_adjudication_session_wins() -> None:
    rows = [row("ann", True), row("bob", False), row("cid", False, session="s", at="2")]
    (conflict,) = conflicts_of(rows, {"s": "conflicts:ok"})
    assert conflict.adjudicated == rows[2]
    assert overruled(rows, [conflict]) == (rows[0], rows[1])
    (open_,) = conflicts_of(rows, {"s": "random:5"})
    assert open_.adjudicated is None and not overruled(rows, [open_])


def test_of_several_adjudications_the_newest_wins() -> None:
    rows = [row("ann", True, session="s", at="1"), row("bob", False, session="s", at="2")]
    (conflict,) = conflicts_of(rows, {"s": "conflicts"})
    assert conflict.adjudicated == rows[1]
