"""Figures of groups of traces against plain Python over the rows of the same source."""

from __future__ import annotations

import itertools
import json
import statistics
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shop_data import span, write

from conftest import Open
from traceview.analysis.intervals import wilson
from traceview.filters import parse
from traceview.model.errors import BadInput, Cancelled, NotReady
from traceview.store.buckets import buckets
from traceview.store.interface import CancelToken, Engine, ListQuery, Row
from traceview.store.open import open_engine
from traceview.store.stats import group_fields

BADLY_NAMED = (
    "a b",
    'say "x"',
    "any",
    "none",
    "v@1",
    "1..2",
    "-x",
    "a,b",
    "(",
    "*",
    "ü\n",
    "",
    "tab\there",
    "\\",
    "9",
)
NAMES = st.sampled_from(("x", "y", *BADLY_NAMED))
MAYBE = st.none() | NAMES
TOKENS = st.none() | st.integers(0, 500)

CHILD = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(("llm", "tool", "retriever", "embedding", "chain")),
        "status": st.sampled_from(("ok", "error", "unset")),
        "label": MAYBE,
        "user_id": st.none() | NAMES,
        "prompt": st.none() | st.tuples(MAYBE, MAYBE),
        "seconds": st.sampled_from((0.5, 1.0, 2.5, None)),
        "tokens": st.tuples(TOKENS, TOKENS, TOKENS),
        "cost_usd": st.none() | st.sampled_from((0.25, 0.5)),
        "ttft_ms": st.none() | st.sampled_from((100.0, 200.0, 700.0)),
        "attribute": MAYBE,
        "tags": st.none() | st.lists(NAMES, max_size=2),
    }
)
TRACE = st.fixed_dictionaries(
    {
        "name": st.none() | NAMES,
        "start": st.none() | st.integers(0, 12 * 86_400),
        "seconds": st.sampled_from((1.0, 3.0, 9.0)),
        "children": st.lists(CHILD, max_size=4),
    }
)
SOURCES = st.lists(TRACE, min_size=1, max_size=8)

GROUPINGS: tuple[tuple[str, ...], ...] = (
    (), ("model",), ("provider",), ("tool",), ("version",), ("prompt",), ("prompt", "version"), ("user",), ("name",),
    ("thread",), ("status",), ("kind",), ("tags",), ("attr.tier",), ("model", "version"), ("model", "tool"),
    ("status", "user", "prompt", "version"),
)  # fmt: skip


def rows_of(traces: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rows = []
    for number, trace in enumerate(traces):
        start = trace["start"]
        rows.append(
            span(f"t{number}", "root", None, "agent", start, trace["seconds"], name=trace["name"],
                 thread_id=f"th{number % 3}")
        )  # fmt: skip
        for index, child in enumerate(trace["children"]):
            kind, label = child["kind"], child["label"]
            read, written, cached = child["tokens"]
            more: dict[str, Any] = {
                "status": child["status"],
                "user_id": child["user_id"],
                "tags": child["tags"],
            }
            if child["prompt"] is not None:
                more["prompt_name"], more["prompt_version"] = child["prompt"]
            if kind in ("llm", "embedding"):
                more |= {"model": label, "provider": label and label[:1], "ttft_ms": child["ttft_ms"]}
                more |= {"input_tokens": read, "output_tokens": written, "cache_read_tokens": cached}
                more["cost_usd"] = child["cost_usd"]
            elif kind == "tool":
                more["tool_name"] = label
            if child["attribute"] is not None:
                more["attributes"] = json.dumps({"tier": child["attribute"]})
            at = None if start is None else start + index
            rows.append(span(f"t{number}", f"s{index}", "root", kind, at, child["seconds"], **more))
    return rows


class Reference:
    """What the figures should be, from the traces and spans that the engine lists and the attributes as written."""

    def __init__(self, engine: Engine, written: list[dict[str, Any]]) -> None:
        selection = engine.select(ListQuery("traces"))
        self.traces = engine.rows(selection, 0, len(selection)).rows
        self.spans = {row["trace_id"]: engine.trace(row["trace_id"]).spans for row in self.traces}
        self.attributes = {
            (row["trace_id"], row["span_id"]): json.loads(row["attributes"])["tier"]
            for row in written
            if row.get("attributes")
        }

    def values(self, trace: Row, field: str) -> set[Any]:
        spans = self.spans[trace["trace_id"]]
        if field == "attr.tier":
            found = {self.attributes.get((one["trace_id"], one["span_id"])) for one in spans}
        elif field in ("name", "status", "thread_id"):
            found = {trace[field]}
        elif field == "tags":
            found = {tag for one in spans for tag in one["tags"] or ()}
        else:
            found = {one[field] for one in spans}
        return {value for value in found if value} or {None}

    def groups(self, by: tuple[str, ...]) -> dict[tuple[Any, ...], list[Row]]:
        found: dict[tuple[Any, ...], list[Row]] = {}
        pair = {"prompt_name", "prompt_version"} <= set(by)
        for trace in self.traces:
            pairs = {
                (one["prompt_name"] or None, one["prompt_version"] or None)
                for one in self.spans[trace["trace_id"]]
            } - {(None, None)} or {(None, None)}
            plain = [name for name in by if not (pair and name.startswith("prompt_"))]
            for values in itertools.product(*(self.values(trace, name) for name in plain)):
                for one in pairs if pair else {(None, None)}:
                    known = dict(zip(plain, values, strict=True))
                    if pair:
                        known |= {"prompt_name": one[0], "prompt_version": one[1]}
                    found.setdefault(tuple(known[name] for name in by), []).append(trace)
        return found

    def figures(self, by: tuple[str, ...], key: tuple[Any, ...], traces: list[Row]) -> dict[str, Any]:
        own = {"model", "provider", "kind", "tool_name", "prompt_name", "prompt_version"}
        unit = "traces"
        if "tool_name" in by:
            unit, own = "tools", own - {"model", "provider"}
        elif {"model", "provider"} & set(by):
            unit = "calls"
        elif "kind" in by:
            unit = "spans"
        wanted = {name: value for name, value in zip(by, key, strict=True) if name in own}
        spans = [
            one
            for trace in traces
            for one in self.spans[trace["trace_id"]]
            if all((one[name] or None) == value for name, value in wanted.items())
        ]
        usage = [one for one in spans if one["counted"] and one["kind"] != "embedding"]
        units: list[Row] = {
            "traces": traces,
            "calls": [one for one in spans if one["is_call"]],
            "tools": [one for one in spans if one["kind"] == "tool" or one["tool_name"] is not None],
            "spans": spans,
        }[unit]
        failed = sum(one["status"] == "error" for one in units)
        times = [one["duration_ms"] for one in units if one["duration_ms"] is not None]
        ttft = [one["ttft_ms"] for one in units if one["ttft_ms"] is not None]
        tokens = sum(one["input_tokens"] or 0 for one in usage)
        cached = [one["cache_read_tokens"] for one in usage if one["cache_read_tokens"] is not None]
        costs = [one["cost_usd"] for one in spans if one["counted"] and one["cost_usd"] is not None]
        return {
            "unit": unit,
            "n": len(traces),
            "units": len(units),
            "spans": len(spans),
            "errors": sum(one["status"] == "error" for one in spans),
            "failed": failed,
            "error_rate": failed / len(units) if units else None,
            "p50_ms": statistics.median(times) if times else None,
            "p95_ms": float(np.quantile(times, 0.95)) if len(times) >= 20 else None,
            "ttft_p50_ms": statistics.median(ttft) if ttft else None,
            "input_tokens": tokens,
            "output_tokens": sum(one["output_tokens"] or 0 for one in usage),
            "cache_read_share": sum(cached) / tokens if cached and tokens else None,
            "cost_usd": sum(costs) if costs else None,
            "uncosted": sum(one["is_call"] and one["cost_usd"] is None for one in spans),
        }


def count(engine: Engine, filter: str) -> int:
    return len(engine.select(ListQuery("traces", parse(filter))))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SOURCES)
def test_every_figure_is_what_python_counts(
    tmp_path_factory: pytest.TempPathFactory, traces: list[dict[str, Any]]
) -> None:
    rows = rows_of(traces)
    engine = open_engine([str(write(tmp_path_factory.mktemp("stats"), "part", rows))])
    try:
        engine.wait_ready()
        reference = Reference(engine, rows)
        for short in GROUPINGS:
            by = tuple(field.label for field in group_fields(short))
            found = engine.stats(None, short)
            expected = reference.groups(by)
            assert {tuple(row[name] for name in by) for row in found.rows} == set(expected), short
            assert (found.groups, found.traces) == (len(expected), len(reference.traces))
            assert found.overlapping == (sum(map(len, expected.values())) > len(reference.traces))
            assert [row["n"] for row in found.rows] == sorted((row["n"] for row in found.rows), reverse=True)
            for row in found.rows:
                key = tuple(row[name] for name in by)
                for name, value in reference.figures(by, key, expected[key]).items():
                    assert row[name] == pytest.approx(value), (short, key, name)
                assert count(engine, row["filter"]) == row["n"], (short, row["filter"])
    finally:
        engine.close()


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    SOURCES,
    st.sampled_from(("hour", "day", "week")),
    st.sampled_from(("Europe/Berlin", "Asia/Kolkata", "UTC")),
)
def test_stretches_of_time_open_their_traces(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, traces: list[dict[str, Any]], over: Any,
    zone: str,
) -> None:  # fmt: skip
    with monkeypatch.context() as patched:
        patched.setenv("TZ", zone)
        time.tzset()
        engine = open_engine([str(write(tmp_path_factory.mktemp("stats"), "part", rows_of(traces)))])
        try:
            engine.wait_ready()
            base = parse("status:ok or -tool:x")
            for by in ((), ("model",), ("prompt", "version"), ("user",)):
                found = engine.stats(base, by, over)
                assert found.traces == count(engine, "status:ok or -tool:x")
                starts = [row["start_ns"] or 0 for row in found.rows]
                assert starts == sorted(starts)
                for row in found.rows:
                    assert count(engine, row["filter"]) == row["n"], row["filter"]
                whole = engine.stats(base, by)
                key = [field.label for field in group_fields(by)]
                for row in whole.rows:
                    parts = [one for one in found.rows if all(one[name] == row[name] for name in key)]
                    for name in ("n", "units", "spans", "errors", "failed", "input_tokens"):
                        assert sum(one[name] for one in parts) == row[name]
        finally:
            engine.close()
    time.tzset()


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_an_hour_that_the_clock_shows_twice_is_two(berlin: None) -> None:
    first = int(datetime.fromisoformat("2026-10-25T02:00+02:00").timestamp())
    found = buckets([first // 900, first // 900 + 4], "hour")
    assert [one.start_ns // 10**9 for one in found] == [first, first + 3600]
    assert [one.name for one in found] == ["2026-10-25T02", "2026-10-25T02:00+0100"]
    (day,) = buckets([first // 900, first // 900 + 4], "day")
    time_of_day = day.condition.values[0]
    assert (time_of_day.end_ns - time_of_day.start_ns) == timedelta(hours=25) // timedelta(
        microseconds=1
    ) * 1000  # type: ignore[union-attr]


def test_weeks_begin_on_monday(berlin: None) -> None:
    sunday = int(datetime.fromisoformat("2026-11-01T12:00+01:00").timestamp())
    assert [one.name for one in buckets([sunday // 900, sunday // 900 + 96], "week")] == [
        "2026-10-26",
        "2026-11-02",
    ]


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [(0, 10, 0.0, 0.27753), (10, 10, 0.72247, 1.0), (8, 10, 0.49016, 0.94332), (1, 2, 0.09453, 0.90547)],
)
def test_wilson_intervals(k: int, n: int, low: float, high: float) -> None:
    assert wilson(k, n) == pytest.approx((low, high), abs=1e-5)
    assert wilson(0, 0) is None


def test_unknown_fields_name_the_nearest(engine: Engine) -> None:
    with pytest.raises(BadInput, match="modle") as error:
        engine.stats(None, ("modle",))
    assert error.value.hint == "Did you mean model?"
    with pytest.raises(BadInput, match="twice"):
        engine.stats(None, ("version", "prompt_version"))


def test_a_limit_says_how_many_there_are(engine: Engine) -> None:
    found = engine.stats(None, ("user",), limit=1)
    assert (len(found.rows), found.groups, found.traces) == (1, 2, 4)


def test_a_cancelled_token_stops_it_and_leaves_no_table(engine: Engine) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        engine.stats(None, ("model",), token=token)
    tables = engine._database.fetch("SELECT table_name FROM duckdb_tables() WHERE table_name LIKE 'stats%'")  # type: ignore[attr-defined]
    assert tables == []


def test_without_an_index_there_is_no_answer(
    tmp_path: Path, opening: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = opening(write(tmp_path / "data", "one", [span("t", "a")]), wait=True)
    monkeypatch.setattr(engine._lifecycle, "now", lambda: (0, None))  # type: ignore[attr-defined]
    with pytest.raises(NotReady):
        engine.stats()
