"""Costs: what a source records stays, what it does not is computed, and other prices change all of it at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shop_data import write

from traceview.definitions.prices import Band, Price, PriceTable
from traceview.definitions.prompt_files import PromptFiles
from traceview.filters import parse
from traceview.store.duck import lifecycle
from traceview.store.duck.index_file import IndexFile
from traceview.store.interface import Engine, ListQuery
from traceview.store.open import open_engine

SECOND = 1_000_000_000
OWN = PriceTable({"ours": Price("ours", (Band(0, 1.0, 2.0), Band(1000, 3.0, 4.0, 0.5, 6.0)), batch=0.5)})


def call(number: int, **more: Any) -> dict[str, Any]:
    start = (1_790_000_000 + number) * SECOND
    return {
        "trace_id": f"t{number // 2}", "span_id": f"s{number}", "kind": "llm", "name": "chat", "status": "ok",
        "start_ns": start, "end_ns": start + SECOND, "thread_id": "th", **more,
    }  # fmt: skip


ROWS = [
    call(0, model="ours", input_tokens=500, output_tokens=100),
    call(1, model="ours", input_tokens=500, output_tokens=100, cost_usd=7.0),
    call(2, model="unheard-of", input_tokens=500, output_tokens=100),
    call(3, model="ours"),
    call(4, model="gpt-4o", input_tokens=1_000_000, output_tokens=0),
    call(5, kind="agent", model="ours", input_tokens=500, output_tokens=0),
]


def costs(engine: Engine) -> dict[str, float | None]:
    query = ListQuery("spans")
    return {row["span_id"]: row["cost_usd"] for row in engine.rows(engine.select(query), 0, 100).rows}


def sums(engine: Engine) -> dict[str, tuple[float | None, int]]:
    """The cost of each trace and of the thread, and of how many calls it is not known."""
    traces = engine.rows(engine.select(ListQuery("traces")), 0, 100).rows
    threads = engine.rows(engine.select(ListQuery("threads")), 0, 100).rows
    found = [*traces, *threads]
    return {row.get("trace_id", "thread"): (row["cost_usd"], row["uncosted"]) for row in found}


def test_recorded_costs_stay_and_others_are_computed(tmp_path: Path, opening: Any) -> None:
    engine = opening(write(tmp_path / "data", "calls", ROWS), prices=OWN)
    found = costs(engine)
    assert found["s0"] == pytest.approx(700 / 1e6)
    assert found["s1"] == 7.0
    assert found["s2"] is None and found["s3"] is None
    assert found["s4"] == pytest.approx(2.5)
    # the call beside it has the tokens: an agent's sum belongs to no total, and costs nothing of its own
    assert sums(engine) == {
        "t0": (pytest.approx(7.0007), 0),
        "t1": (None, 2),
        "t2": (pytest.approx(2.5005), 0),
        "thread": (pytest.approx(9.5012), 2),
    }
    told = {
        one.model: (one.calls, one.computed, one.unknown, one.price_of) for one in engine.info().model_costs
    }
    assert told == {"ours": (3, 1, 1, "ours"), "unheard-of": (1, 0, 1, None), "gpt-4o": (1, 1, 0, "gpt-4o")}


def test_a_sum_says_of_how_many_calls_no_cost_is_known(tmp_path: Path, opening: Any) -> None:
    engine = opening(write(tmp_path / "data", "calls", ROWS), prices=OWN)
    traces = engine.rows(engine.select(ListQuery("traces")), 0, 100).rows
    assert {row["trace_id"]: row["uncosted"] for row in traces} == {"t0": 0, "t1": 2, "t2": 0}
    assert engine.rows(engine.select(ListQuery("threads")), 0, 100).rows[0]["uncosted"] == 2
    for level in ("traces", "threads", "spans"):
        totals = engine.totals(ListQuery(level))
        assert (totals.uncosted, totals.cost_usd) == (2, pytest.approx(9.5012))
    (whole,) = engine.stats(None).rows
    assert (whole["uncosted"], whole["cost_usd"]) == (2, pytest.approx(9.5012))
    assert len(engine.select(ListQuery("traces", parse("uncosted>0")))) == 1


def test_other_prices_change_an_index_without_reading_the_source_again(
    tmp_path: Path, opening: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "SMALL_SPANS", 2)
    path = write(tmp_path / "data", "calls", ROWS)
    first = opening(path, prices=OWN)
    before = costs(first), sums(first)
    files = sorted((tmp_path / "cache" / "index").glob("*.duckdb"))
    assert len(files) == 1
    dearer, any_model = Price("ours", (Band(0, 10.0, 20.0),)), Price("unheard-*", (Band(0, 1.0, 1.0),))
    other = PriceTable({"ours": dearer, "unheard-*": any_model})
    again = opening(path, prices=other)
    monkeypatch.setattr(lifecycle, "SMALL_SPANS", 50_000)
    built = opening(path, prices=other)
    assert costs(again) == costs(built) and sums(again) == sums(built)
    assert costs(again)["s0"] == pytest.approx(7000 / 1e6) and costs(again)["s2"] == pytest.approx(600 / 1e6)
    assert costs(again)["s1"] == 7.0
    # the other app goes on with its prices, and only the newest index is kept
    assert (costs(first), sums(first)) == before
    kept = sorted((tmp_path / "cache" / "index").glob("*.duckdb"))
    assert len(kept) == 1 and kept != files


def test_an_index_is_taken_over_from_the_one_before_it(
    tmp_path: Path, opening: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "SMALL_SPANS", 2)
    path = write(tmp_path / "data", "calls", ROWS)
    engine = opening(path, prices=OWN)
    identity, files = engine.info().identity, PromptFiles()
    earlier = IndexFile.of(identity, PriceTable(), files).earlier()
    assert earlier is not None and earlier == IndexFile.of(identity, OWN, files).path
    earlier.write_bytes(b"damaged")
    assert costs(opening(path, prices=PriceTable()))["s0"] is None


tokens = st.none() | st.integers(0, 300_000)


@settings(max_examples=25, deadline=None)
@given(
    rows=st.lists(
        st.tuples(tokens, tokens, tokens, tokens, st.sampled_from([None, "batch", "Flex", "default"])),
        min_size=1,
        max_size=8,
    )
)
def test_sql_and_python_compute_the_same(tmp_path_factory: pytest.TempPathFactory, rows: list[Any]) -> None:
    names = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "service_tier")
    calls = [
        call(2 * number, model="ours", **dict(zip(names, row, strict=True)))
        for number, row in enumerate(rows)
    ]
    engine = open_engine([str(write(tmp_path_factory.mktemp("costs"), "calls", calls))], prices=OWN)
    try:
        engine.wait_ready()
        found = costs(engine)
    finally:
        engine.close()
    price = OWN.own["ours"]
    for number, row in enumerate(rows):
        expected = price.cost(*row)
        assert found[f"s{2 * number}"] == (None if expected is None else pytest.approx(expected))
