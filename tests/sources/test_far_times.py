"""Times that have no nanoseconds: one of them leaves the others readable."""

from __future__ import annotations

import duckdb

from traceview.sources.sql import as_time


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
