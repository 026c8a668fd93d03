"""Values that rows do not carry: attributes of a page, of a whole source, durations of turns; sorts by scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from shop_data import span, write

from traceview.model.errors import BadInput
from traceview.model.labels import LabelRow, Target
from traceview.store.duck import extra
from traceview.store.interface import Engine, ListQuery, SortKey
from traceview.store.labels.store import CurrentChanges


@pytest.mark.parametrize("near_rows", [60_000, 0], ids=["the page", "the whole source"])
def test_attributes_of_any_span_in_their_order(
    opening: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, near_rows: int
) -> None:
    monkeypatch.setattr(extra, "_NEAR_ROWS", near_rows)
    rows = [
        span("t1", "a", start=0, thread_id="th", attributes='{"tier": "gold", "a.b": "dotted"}'),
        span("t1", "b", "a", start=1, thread_id="th", attributes='{"tier": "silver"}'),
        span("t1", "c", "a", start=2, thread_id="th", attributes='{"tier": "gold", "deep": {"er": 7}}'),
        span("t2", "a", start=10, thread_id="th", attributes="not json, tier"),
        span("t3", "a", start=20, thread_id="th", attributes='{"tier": "free"}'),
    ]
    engine = opening(write(tmp_path / "data", "tiers", rows))
    keys = ("attr.tier", "attr.a.b", "attr.deep.er", "attr.none")
    found = engine.extra("traces", ["t3", "t1", "t2", "gone"], keys)
    assert found[0] == dict(zip(keys, (("free",), (), (), ()), strict=True))
    assert found[1] == dict(zip(keys, (("gold", "silver"), ("dotted",), ("7",), ()), strict=True))
    assert found[2] == found[3] == dict.fromkeys(keys, ())
    assert engine.extra("threads", ["th"], ("attr.tier", "turn_ms")) == (
        {"attr.tier": ("gold", "silver", "free"), "turn_ms": (3000.0, 1000.0, 1000.0)},
    )
    assert set(engine.complete("attr", "ti")) == {"tier"}


def test_a_field_that_nothing_has_is_refused(engine: Engine) -> None:
    with pytest.raises(BadInput, match="no field 'nope'"):
        engine.extra("traces", ["t1"], ("nope",))
    with pytest.raises(BadInput, match="spans"):
        engine.extra("spans", ["a"], ("attr.n",))
    with pytest.raises(BadInput, match=r"sorted by attr\.n"):
        engine.select(ListQuery("spans", None, (SortKey("attr.n"),)))


def test_threads_sort_by_an_attribute_of_their_spans(engine: Engine) -> None:
    selection = engine.select(ListQuery("threads", None, (SortKey("attr.n", True),)))
    assert [row["thread_id"] for row in engine.rows(selection, 0, 9).rows] == ["th1", "th2"]


class Labels:
    """Label rows without a store."""

    def __init__(self, rows: tuple[LabelRow, ...]) -> None:
        self._rows = rows

    def data_version(self) -> int:
        return 1

    def current_changes(self, seq: int) -> CurrentChanges:
        return CurrentChanges(1, self._rows, ())


def test_scores_of_people_and_machines_sort_apart(opening: Any, tmp_path: Path) -> None:
    def label(trace: str, source: Any, value: Any, annotator: str = "x") -> LabelRow:
        name = f"{trace}{source}{annotator}"
        return LabelRow(
            name, Target("trace", trace, trace), "grounded", value, source, annotator, "2026-01-01T00:00:00Z"
        )

    labels = (
        label("t1", "human", True),
        label("t1", "judge", False),
        label("t2", "human", False),
        label("t2", "judge", True),
        label("t3", "human", "n/a"),
        label("t4", "human", True),
        label("t4", "human", False, "y"),
    )
    rows = [span(f"t{number}", "a", start=number) for number in range(1, 6)]
    engine = opening(write(tmp_path / "data", "scored", rows), labels=Labels(labels))

    def order(field: str, *, descending: bool = False) -> str:
        selection = engine.select(ListQuery("traces", None, (SortKey(field, descending),)))
        return " ".join(row["trace_id"] for row in engine.rows(selection, 0, 9).rows)

    assert order("score.grounded.human", descending=True) == "t1 t4 t2 t3 t5"
    assert order("score.grounded.human") == "t2 t4 t1 t3 t5"
    assert order("score.grounded.judge") == "t1 t2 t5 t4 t3"
    assert engine.totals(ListQuery("traces")).p95_cost_usd is None
