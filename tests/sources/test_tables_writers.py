"""Whole files as pandas, polars and pyarrow write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from traceview.sources.open import open_sources

FIELDS = [
    "trace_id",
    "span_id",
    "parent_id",
    "thread_id",
    "kind",
    "status",
    "input_tokens",
    "input_text",
    "tags",
]
TIMES = ["epoch_ns(start_time)", "epoch_ns(end_time)"]
START = 1_767_225_600_000_000_000

EXPECTED = [
    ("t1", "1", None, "c1", "agent", "ok", None, "hello", ["a"], START, START + 2_000_000_000),
    ("t1", "2", "1", "c1", "llm", "error", 7, "hi", None, START + 10**9, START + 1_500_000_000),
]


def check(path: Path) -> None:
    relation = open_sources([str(path)]).relations[0]
    with duckdb.connect() as connection:
        columns = ", ".join([*FIELDS, *TIMES])
        inner = relation.select([*FIELDS, "start_time", "end_time"])
        found: list[Any] = connection.execute(f"SELECT {columns} FROM ({inner}) ORDER BY span_id").fetchall()
    assert found == EXPECTED


def test_pandas(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "trace_id": ["t1", "t1"],
            "span_id": [1, 2],
            "parent_span_id": [float("nan"), 1.0],
            "session_id": pd.Categorical(["c1", "c1"]),
            "span_type": ["AGENT", "LLM"],
            "start_time": pd.to_datetime(["2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"]),
            "duration": pd.to_timedelta(["2s", "500ms"]),
            "status": ["OK", "ERROR"],
            "prompt_tokens": [float("nan"), 7],
            "input": [{"question": "hello", "content": None}, {"question": None, "content": "hi"}],
            "tags": [["a"], None],
        }
    )
    frame.to_parquet(tmp_path / "pandas.parquet")
    check(tmp_path / "pandas.parquet")


def test_polars_like(tmp_path: Path) -> None:
    """Large strings and lists, microseconds, durations as integers, UTC zone."""
    table = pa.table(
        {
            "traceId": pa.array(["t1", "t1"], pa.large_string()),
            "spanId": pa.array(["1", "2"], pa.large_string()),
            "parentSpanId": pa.array(["", "1"], pa.large_string()),
            "conversationId": pa.array(["c1", "c1"], pa.large_string()),
            "kind": pa.array(["invoke_agent", "generation"], pa.large_string()),
            "startTime": pa.array([START // 1000, START // 1000 + 10**6], pa.timestamp("us", "UTC")),
            "endTime": pa.array(
                [START // 1000 + 2 * 10**6, START // 1000 + 1_500_000], pa.timestamp("us", "UTC")
            ),
            "success": pa.array([True, False]),
            "inputTokens": pa.array([None, 7], pa.uint32()),
            "messages": pa.array(
                [[{"role": "user", "content": "hello"}], [{"role": "user", "content": "hi"}]],
                pa.large_list(pa.struct([("role", pa.large_string()), ("content", pa.large_string())])),
            ),
            "tags": pa.array([["a"], None], pa.large_list(pa.large_string())),
        }
    )
    pq.write_table(table, tmp_path / "polars.parquet", compression="zstd")
    check(tmp_path / "polars.parquet")


def test_text_only_as_from_csv(tmp_path: Path) -> None:
    table = pa.table(
        {
            "Trace ID": ["t1", "t1"],
            "Span ID": ["1", "2"],
            "Parent ID": ["", "1"],
            "Thread ID": ["c1", "c1"],
            "Type": ["Agent", "LLM"],
            "Start Time": ["2026-01-01 00:00:00", "2026-01-01T01:00:01+01:00"],
            "Latency (ms)": ["2000", "500.0"],
            "Status": ["ok", "failed"],
            "Prompt Tokens": ["", "7"],
            "Question": ["hello", "hi"],
            "Tags": ["a", None],
        }
    )
    pq.write_table(table, tmp_path / "text.parquet")
    check(tmp_path / "text.parquet")
