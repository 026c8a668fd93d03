"""The story's files: Parquet and JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from story.recorder import Span, dump

MOMENT = pa.timestamp("us", tz="UTC")
FEEDBACK = pa.list_(
    pa.struct(
        [
            ("name", pa.string()),
            ("value", pa.float64()),
            ("label", pa.string()),
            ("comment", pa.string()),
            ("source", pa.string()),
            ("user_id", pa.string()),
            ("time", pa.string()),
        ]
    )
)
SCHEMA = pa.schema(
    [
        *(
            (name, pa.string())
            for name in ("trace_id", "span_id", "parent_span_id", "thread_id", "name", "kind")
        ),
        ("start_time", MOMENT),
        ("end_time", MOMENT),
        *(
            (name, pa.string())
            for name in ("status", "error", "model", "provider", "prompt_name", "prompt_version")
        ),
        *((name, pa.int64()) for name in ("prompt_tokens", "completion_tokens", "cache_read_tokens")),
        ("cost_usd", pa.float64()),
        ("ttft_ms", pa.float64()),
        ("user_id", pa.string()),
        ("environment", pa.string()),
        ("tags", pa.list_(pa.string())),
        ("input", pa.string()),
        ("output", pa.string()),
        ("attributes", pa.string()),
        ("feedback", FEEDBACK),
    ]
)


def write_parquet(spans: list[Span], path: Path) -> None:
    """One Parquet file, zstd, sorted by start time, a few row groups."""
    rows = [{**span, "attributes": dump(span["attributes"])} for span in spans]
    pq.write_table(
        pa.Table.from_pylist(rows, schema=SCHEMA),
        path,
        compression="zstd",
        compression_level=9,
        row_group_size=3072,
    )


def write_lines(rows: Iterable[dict[str, Any]], path: Path) -> None:
    """One JSON object a line."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
