"""Scores of judges as label rows: repeated writing doubles nothing, and the newest verdict is the current one."""

from __future__ import annotations

from pathlib import Path

import pytest

from traceview.judges.score_rows import row_id, write_scores
from traceview.model.judges import JudgeDefinition, Judgement, OutcomeKind, ScoreShape
from traceview.model.labels import NOT_APPLICABLE, LabelRow, LabelValue, Target
from traceview.store.labels.store import LabelStore

TRACE = Target("trace", "t1")


def judge(hash: str = "h1") -> JudgeDefinition:
    return JudgeDefinition("links", "grounded", "llm", "trace", ScoreShape("boolean"), hash=hash)


def judged(value: LabelValue, outcome: OutcomeKind = "scored", **parts: LabelValue) -> Judgement:
    return Judgement(TRACE, outcome, value, explanation="why", evidence=("a", "b"), parts=parts)


def write(store: LabelStore, key: str, judgement: Judgement, hash: str = "h1") -> dict[str, str]:
    return store.transact(lambda one: write_scores(one, judge(hash), [(key, judgement, "")])).result()


def current(store: LabelStore) -> dict[str, LabelRow]:
    return {row.name: row for row in store.current([TRACE])}


def test_written_twice_it_stands_once(tmp_path: Path) -> None:
    store = LabelStore.open(tmp_path / "x.labels.db")
    first = write(store, "k1", judged(True, parts_are=False))
    assert (
        write(store, "k1", judged(True, parts_are=False))
        == first
        == {"k1": row_id("k1", "links", "grounded")}
    )
    assert store.counts().rows == 2
    rows = current(store)
    assert (rows["grounded"].value, rows["grounded_parts_are"].value) == (True, False)
    row = rows["grounded"]
    assert (row.source, row.annotator, row.definition_hash) == ("judge", "links", "h1")
    assert row.reason == "why\n- a\n- b"
    store.close()


def test_a_later_verdict_supersedes_and_an_earlier_one_may_hold_again(tmp_path: Path) -> None:
    store = LabelStore.open(tmp_path / "x.labels.db")
    write(store, "k1", judged(True))
    write(store, "k2", judged(False), "h2")
    assert current(store)["grounded"].value is False
    again = write(store, "k1", judged(True))
    assert again == {"k1": row_id("k1", "links", "grounded", 1)}
    assert write(store, "k1", judged(True)) == again
    assert (current(store)["grounded"].value, current(store)["grounded"].definition_hash) == (True, "h1")
    assert store.counts().rows == 3
    store.close()


def test_half_a_character_in_an_explanation_loses_no_score(tmp_path: Path) -> None:
    store = LabelStore.open(tmp_path / "x.labels.db")
    write(store, "k1", Judgement(TRACE, "scored", True, explanation="cut \ud83d", evidence=("\udc00",)))
    assert current(store)["grounded"].reason == "cut \ufffd\n- \ufffd"
    store.close()


@pytest.mark.parametrize(
    ("outcome", "value", "rows"),
    [
        ("scored", 3, 1),
        ("not_applicable", NOT_APPLICABLE, 1),
        ("unscored", None, 0),
        ("error", None, 0),
        ("unknown", None, 0),
    ],
)
def test_only_what_was_said_becomes_a_row(
    tmp_path: Path, outcome: OutcomeKind, value: LabelValue, rows: int
) -> None:
    store = LabelStore.open(tmp_path / "x.labels.db")
    assert len(write(store, "k", judged(value, outcome))) == rows
    assert [row.value for row in store.current([TRACE])] == [value] * rows
    store.close()
