"""The truth of several people: adjudicated, else the majority, ties said."""

from __future__ import annotations

import pytest

from traceview.judges.truth import truths_of
from traceview.model.labels import LabelRow, LabelValue, Target

TARGET = Target("trace", "t", "t")


def row(
    who: str, value: LabelValue, session: str | None = None, at: int = 0, blind: bool = False
) -> LabelRow:
    time = f"2026-11-20T10:00:{at:02d}.000000Z"
    return LabelRow(f"{who}{at}", TARGET, "good", value, "human", who, time, session=session, blind=blind)


@pytest.mark.parametrize(
    ("rows", "value", "adjudicated"),
    [
        ([row("a", True)], True, False),
        ([row("a", True), row("b", False)], None, False),
        ([row("a", True), row("b", False), row("c", False)], False, False),
        ([row("a", True), row("b", False), row("c", "n/a")], None, False),
        ([row("a", "n/a"), row("b", "n/a"), row("c", True)], "n/a", False),
        ([row("a", True), row("b", False), row("c", False), row("d", True, "decide", 5)], True, True),
        (
            [row("a", True), row("b", False), row("d", True, "decide", 1), row("e", False, "decide", 2)],
            False,
            True,
        ),
        ([row("a", True), row("b", False), row("d", True, "plain", 5)], True, False),
        # 1 is a number and True a verdict: they do not make a majority together
        ([row("a", 1), row("b", True), row("c", 2)], None, False),
    ],
)
def test_one_value(rows: list[LabelRow], value: LabelValue, adjudicated: bool) -> None:
    found = truths_of(rows, {"decide": "conflicts:good", "plain": "random:50"})[TARGET]
    assert (found.value, found.adjudicated, found.tied) == (value, adjudicated, value is None)


def test_it_is_blind_if_all_who_said_it_were() -> None:
    both = truths_of([row("a", True, blind=True), row("b", True, blind=False)], {})[TARGET]
    others = truths_of([row("a", True, blind=True), row("b", True, blind=True), row("c", False)], {})[TARGET]
    assert (both.blind, others.blind) == (False, True)
