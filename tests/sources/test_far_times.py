"""Times that have no nanoseconds: one of them leaves the others readable."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from traceview.sources.sql import as_time
from traceview.store.open import open_engine
from traceview.store.source_info import SourceInfo


def test_a_time_outside_what_nanoseconds_hold_is_null_and_its_neighbours_are_read() -> None:
    times = (
        "0001-01-02",
        "1677-01-02",
        "1969-12-31",
        "2026-01-01 00:00:00.123456",
        "2262-01-02",
        "9999-01-02",
    )
    values = ", ".join(f"(TIMESTAMP '{time}' AT TIME ZONE 'UTC')" for time in times)
    expression = as_time("t", "TIMESTAMP WITH TIME ZONE")
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE far AS SELECT t FROM (VALUES {values}) AS v(t)")
        found = connection.execute(f"SELECT epoch_ns({expression}) FROM far").fetchall()
    assert [row[0] for row in found] == [
        None,
        None,
        -86_400_000_000_000,
        1_767_225_600_123_456_000,
        9_214_732_800_000_000_000,
        None,
    ]


def info_of(path: Path, document: Any) -> SourceInfo:
    path.write_text(json.dumps(document))
    engine = open_engine([str(path)])
    try:
        engine.wait_ready()
        return engine.info()
    finally:
        engine.close()


@pytest.mark.parametrize(
    ("written", "unit"),
    [
        (1767225600, "seconds"),
        (1767225600_000, "milliseconds"),
        ("1767225600000000", "microseconds"),
        ("1767225600000000000", None),
    ],
)
def test_times_in_another_unit_are_read_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: Any, unit: str | None
) -> None:
    monkeypatch.setenv("TRACEVIEW_CACHE_DIR", str(tmp_path / "cache"))
    span = {"traceId": "a" * 32, "spanId": "b" * 16, "startTimeUnixNano": written, "endTimeUnixNano": written}
    info = info_of(tmp_path / "otlp.json", {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})
    told = f"time in {unit} where the format has nanoseconds: it was read as {unit}"
    assert [one.reason for one in info.skipped] == ([told] if unit else [])
    assert info.start_ns == info.end_ns == 1_767_225_600_000_000_000
    span = {"traceID": "a", "spanID": "b", "operationName": "n", "startTime": int(written), "duration": 0}
    info = info_of(tmp_path / "jaeger.json", {"data": [{"traceID": "a", "spans": [span], "processes": {}}]})
    assert len(info.skipped) == (unit != "microseconds")
    assert info.start_ns == info.end_ns == 1_767_225_600_000_000_000


def test_spans_of_otlp_that_lose_a_time_are_counted_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACEVIEW_CACHE_DIR", str(tmp_path / "cache"))
    times: list[Any] = [
        "-62135596800000000000",
        "253370764800000000000",
        "1767225600000000000",
        "0",
        None,
        "2026-01-01T00:00:00Z",
    ]
    spans = [
        {"traceId": f"{number:032x}", "spanId": f"{number:016x}", "name": "n", "startTimeUnixNano": time}
        for number, time in enumerate(times, 1)
    ]
    info = info_of(tmp_path / "far.json", {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})
    assert info.spans == 6
    assert [(one.count, one.reason) for one in info.skipped] == [
        (2, "time outside 1970 to 2262, the span was read without it"),
        (1, "time that cannot be read, the span was read without it"),
    ]
