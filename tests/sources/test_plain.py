"""Instrumentation of one's own: spans and rows whose names tell what they are, in every container."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from source_reading import read

from traceview.model.schema import COLUMN_BY_NAME, COLUMN_NAMES
from traceview.sources.open import open_sources

START = 1_767_225_600_000_000_000


def value(plain: Any) -> dict[str, Any]:
    if isinstance(plain, bool):
        return {"boolValue": plain}
    if isinstance(plain, int):
        return {"intValue": str(plain)}
    return {"doubleValue": plain} if isinstance(plain, float) else {"stringValue": plain}


def otlp_row(tmp_path: Path, name: str, attributes: dict[str, Any], **more: Any) -> dict[str, Any]:
    span = {
        "traceId": "a" * 32,
        "spanId": "b" * 16,
        "name": name,
        "startTimeUnixNano": str(START),
        "endTimeUnixNano": str(START + 1_000_000_000),
        "attributes": [{"key": key, "value": value(plain)} for key, plain in attributes.items()],
        **more,
    }
    path = tmp_path / "spans.jsonl"
    path.write_text(json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}))
    [row], report = read(path)
    assert not report.skipped
    return row


@pytest.mark.parametrize(
    ("name", "attributes", "kind"),
    [
        ("answer", {"model": "gpt-6-mini", "input_tokens": 5}, "llm"),
        ("answer", {"llm.model": "gpt-6-mini", "llm.completion": "yes"}, "llm"),
        ("answer", {"model": "gpt-6-mini"}, "unknown"),
        ("embed_query", {"model": "text-embed-3", "input_tokens": 5}, "embedding"),
        ("embedQuery", {}, "embedding"),
        ("retrieve", {}, "retriever"),
        ("doc-retrieval", {}, "retriever"),
        ("DocumentRetriever.run", {}, "retriever"),
        ("kb", {"rag.chunks_retrieved": 3}, "retriever"),
        ("rerank results", {}, "reranker"),
        ("memory.search", {}, "retriever"),
        ("save_memory", {}, "tool"),
        ("call tool", {}, "tool"),
        ("ToolRunner", {}, "tool"),
        ("stool", {}, "unknown"),
        ("lookup", {"tool_name": "get_order"}, "tool"),
        ("GET /tools", {"http.method": "GET"}, "unknown"),
        ("SELECT embeddings", {"db.system": "postgresql"}, "unknown"),
        ("retrieve", {"openinference.span.kind": "CHAIN"}, "chain"),
    ],
)
def test_kinds(tmp_path: Path, name: str, attributes: dict[str, Any], kind: str) -> None:
    assert otlp_row(tmp_path, name, attributes)["kind"] == kind
    if attributes.keys() <= {"model", "input_tokens"}:
        # the same words tell the kind in a table
        columns = {"trace_id": ["t"], "span_id": ["s"], "input": ["i"], "name": [name]}
        columns |= {key: [plain] for key, plain in attributes.items()}
        table = tmp_path / "t.parquet"
        pq.write_table(pa.table(columns), table)
        # a table of calls has a model in every row of a call
        assert table_rows(table)[0]["kind"] == (
            "llm" if "model" in attributes and kind == "unknown" else kind
        )


def test_figures_and_texts_of_a_plain_model_call(tmp_path: Path) -> None:
    row = otlp_row(
        tmp_path,
        "generate answer",
        {
            "llm.model": "gpt-6-mini", "llm.provider": "OpenAI", "llm.prompt": "What is up?",
            "llm.completion": "All well",
            "llm.input_tokens": 12, "llm.output_tokens": 5, "llm.cost_usd": 0.002, "llm.temperature": 0.3,
            "llm.ttft_ms": 80.5, "session_id": "c1", "user_id": "u1", "feature": "faq",
        },
    )  # fmt: skip
    expected = {
        "kind": "llm", "model": "gpt-6-mini", "provider": "openai", "input": "What is up?", "output": "All well",
        "input_text": "What is up?", "output_text": "All well", "input_tokens": 12, "output_tokens": 5,
        "cost_usd": 0.002, "temperature": 0.3, "ttft_ms": 80.5, "thread_id": "c1", "user_id": "u1", "feature": "faq",
        "source": "otlp/plain",
    }  # fmt: skip
    assert {name: row.get(name) for name in expected} == expected
    assert json.loads(row["input_messages"])[0]["parts"] == [{"type": "text", "content": "What is up?"}]


def test_a_latency_ends_a_span_that_is_a_point(tmp_path: Path) -> None:
    told = {"model": "m", "input_tokens": 1, "llm.latency_ms": 250}
    assert otlp_row(tmp_path, "x", told, endTimeUnixNano=str(START))["end_ns"] == START + 250_000_000
    assert otlp_row(tmp_path, "x", told)["end_ns"] == START + 1_000_000_000
    assert otlp_row(tmp_path, "x", told, startTimeUnixNano="0", endTimeUnixNano="0")["duration_ms"] == 250


def test_a_tool_has_arguments_and_a_result(tmp_path: Path) -> None:
    told = {"tool_name": "get_order", "tool_input": '{"id":7}', "tool_output": "sent"}
    row = otlp_row(tmp_path, "call tool", told)
    expected = {
        "tool_name": "get_order",
        "tool_args": '{"id":7}',
        "input": '{"id":7}',
        "tool_result": "sent",
        "output": "sent",
    }
    assert {name: row.get(name) for name in expected} == expected


def test_what_a_retriever_tells_in_figures_is_said(tmp_path: Path) -> None:
    row = otlp_row(tmp_path, "kb", {"rag.query": "range?", "rag.chunks_retrieved": 3, "rag.top_score": 0.83})
    assert (row["input_text"], row["output_text"]) == ("range?", "3 chunks retrieved, best score 0.83")
    documents = [{"id": "d1", "score": 0.5, "text": "words"}]
    row = otlp_row(tmp_path, "retrieve", {"rag.documents": json.dumps(documents), "rag.top_score": 0.5})
    assert json.loads(row["documents"])[0]["text"] == "words"


@pytest.mark.parametrize("error", [True, "true", "TimeoutError: slow"])
def test_an_error_attribute_is_an_error(tmp_path: Path, error: Any) -> None:
    row = otlp_row(tmp_path, "x", {"error": error})
    assert row["status"] == "error"
    assert row["error_message"] == (error if "Timeout" in str(error) else None)
    assert otlp_row(tmp_path, "x", {"error": "none"})["status"] == "unset"


ROWS = [
    {
        "span_id": "s1", "trace_id": "t1", "model": "gpt-6-mini", "input_tokens": 12, "output_tokens": 5,
        "latency_ms": 420.5, "prompt": "What is up?", "completion": "All well", "parsed_output": '{"mood": "well"}',
        "status": "ok", "error": None, "metadata": '{"tier": "basic"}',
    },
    {
        "span_id": "s2", "trace_id": "t2", "model": "gpt-6-mini", "input_tokens": 7, "output_tokens": 0,
        "latency_ms": 90.0, "prompt": "What else?", "completion": None, "parsed_output": None,
        "status": "error", "error": "TimeoutError: slow", "metadata": None,
    },
]  # fmt: skip


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    if path.suffix == ".csv":
        with path.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".jsonl":
        path.write_text("\n".join(json.dumps(row) for row in rows))
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def table_rows(path: Path) -> list[dict[str, Any]]:
    """Canonical rows of a table in the order of the file; times as nanoseconds."""
    relation = open_sources([str(path)]).relations[0]
    picked = ", ".join(
        f'epoch_ns("{name}") AS "{name}"' if COLUMN_BY_NAME[name].type == "TIMESTAMP_NS" else f'"{name}"'
        for name in COLUMN_NAMES
    )
    with duckdb.connect() as connection:
        return [
            dict(zip(COLUMN_NAMES, row, strict=True))
            for row in connection.execute(
                f"SELECT {picked} FROM ({relation.select(COLUMN_NAMES)})"
            ).fetchall()
        ]


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("time", [None, "2026-01-01 00:00:00", "2026-01-01T00:00:00Z"])
def test_rows_of_a_dataclass(tmp_path: Path, suffix: str, time: str | None, cache: Path) -> None:
    rows = ROWS if time is None else [{**row, "timestamp": time} for row in ROWS]
    first, second = table_rows(write_rows(tmp_path / f"calls.{suffix}", rows))
    expected = {
        "kind": "llm", "model": "gpt-6-mini", "input_tokens": 12, "output_tokens": 5, "duration_ms": 420.5,
        "input_text": "What is up?", "output_text": "All well", "status": "ok", "error_message": None,
        "start_time": START if time else None, "end_time": START + 420_500_000 if time else None,
    }  # fmt: skip
    assert {name: first[name] for name in expected} == expected
    assert json.loads(first["metadata"]) == {"tier": "basic"}
    assert "parsed_output" in json.loads(first["attributes"])
    assert (second["status"], second["error_type"], second["error_message"]) == (
        "error",
        "TimeoutError",
        "slow",
    )
    assert second["duration_ms"] == 90


def test_log_lines_open(tmp_path: Path, cache: Path) -> None:
    lines = [
        {
            "level": "INFO", "timestamp": "2026-01-01T00:00:00", "message": "llm call", "trace_id": "t",
            "llm.model": "m", "llm.input_tokens": 3, "llm.latency_ms": 200, "llm.cost_usd": 0.5,
        },
        {
            "level": "ERROR", "timestamp": "2026-01-01T00:00:01", "message": "llm call", "trace_id": "t",
            "llm.model": "m", "llm.input_tokens": None, "llm.latency_ms": None, "llm.cost_usd": None,
        },
    ]  # fmt: skip
    first, second = table_rows(write_rows(tmp_path / "app.jsonl", lines))
    assert (first["kind"], first["model"], first["input_tokens"], first["cost_usd"]) == ("llm", "m", 3, 0.5)
    assert (first["start_time"], first["end_time"]) == (START, START + 200_000_000)
    assert second["status"] == "error"
