"""Times that have no nanoseconds: one of them leaves the others readable."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from traceview.sources.sql import as_time
from traceview.store.open import open_engine


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


def test_spans_of_otlp_that_lose_a_time_are_counted_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACEVIEW_CACHE_DIR", str(tmp_path / "cache"))
    times = ["-62135596800000000000", "253370764800000000000", "1767225600000000000", "0", None]
    spans = [
        {"traceId": f"{number:032x}", "spanId": f"{number:016x}", "name": "n", "startTimeUnixNano": time}
        for number, time in enumerate(times, 1)
    ]
    path = tmp_path / "far.json"
    path.write_text(json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}))
    engine = open_engine([str(path)])
    try:
        engine.wait_ready()
        info = engine.info()
    finally:
        engine.close()
    assert info.spans == 5
    assert [(one.count, one.reason) for one in info.skipped] == [
        (2, "time outside 1970 to 2262, the span was read without it")
    ]
