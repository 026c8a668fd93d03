"""Phoenix dataframes give what the same run gives as OTLP; structs, nulls and NaN of pandas disappear."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from source_reading import FIXTURES, read

from traceview.sources.phoenix import PhoenixSpans
from traceview.sources.phoenix.reading import flatten
from traceview.sources.probe import probe

SPANS = FIXTURES / "phoenix/spans.parquet"


def test_inputs_and_outputs_are_those_of_the_columns() -> None:
    rows, _ = read(SPANS)
    names = {"input": "attributes.input.value", "output": "attributes.output.value"}
    table = pq.read_table(SPANS, columns=["context.span_id", "name", *names.values()]).to_pylist()
    records = {record["context.span_id"]: record for record in table}
    compared = 0
    for row in rows:
        record = records[row["span_id"]]
        assert row["name"] == record["name"]
        for column, name in names.items():
            assert row.get(column) == record[name]
            compared += record[name] is not None
    assert compared >= 100


def test_same_conversations_as_in_otlp() -> None:
    """Both files are of one run, one through a Phoenix server."""
    rows, _ = read(SPANS)
    sent, _ = read(FIXTURES / "openinference/anthropic.otlp.jsonl")
    twins = {(row["trace_id"], row["span_id"]): row for row in sent}
    assert len(rows) == len(twins)
    native = {row["span_id"] for row in rows if row["scope_name"]}
    assert native == {row["span_id"] for row in sent if row["scope_name"].startswith("com.anthropic.sdk")}
    for row in rows:
        twin = twins[row["trace_id"], row["span_id"]]
        for column in (
            "parent_id", "name", "status", "model", "input_tokens", "output_tokens", "cache_read_tokens",
            "thread_id", "user_id", "prompt_version", "tags", "input", "output", "input_messages",
            "output_messages", "input_text", "tool_name", "call_id", "error_type", "error_message",
        ):  # fmt: skip
            if column == "input_text" and row["kind"] == "tool":
                continue  # the server re-serialised the arguments
            if column in ("input", "output") and row["scope_name"]:
                continue  # the server makes them up for the vendor's own spans
            assert row.get(column) == twin.get(column), column
        documents, others = (json.loads(each.get("documents") or "[]") for each in (row, twin))
        assert [item.pop("score") for item in documents] == pytest.approx(
            [item.pop("score") for item in others]
        )
        assert documents == others
        if row["kind"] == "tool":
            assert json.loads(row["tool_args"]) == json.loads(twin["tool_args"])


def test_flatten() -> None:
    into: dict[str, Any] = {}
    nested = {
        "llm.input_messages": [
            {
                "message.role": "user",
                "message.content": None,
                "message.contents": [{"message_content.text": "hi"}],
            }
        ],
        "llm.token_count.prompt": 5.0,
        "llm.token_count.completion": float("nan"),
        "gen_ai": {"usage": {"input_tokens": 7, "output_tokens": None}},
        "metadata": {"tier": "gold", "absent": None},
        "tag.tags": ["a", "b"],
    }
    for name, value in nested.items():
        flatten(name, value, into)
    assert into == {
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.contents.0.message_content.text": "hi",
        "llm.token_count.prompt": 5,
        "gen_ai.usage.input_tokens": 7,
        "metadata": '{"tier":"gold"}',
        "tag.tags": ["a", "b"],
    }


@pytest.mark.parametrize("unit", ["us", "ns"])
def test_index_column_only_and_coarser_times(tmp_path: Path, unit: str) -> None:
    """Older writers leave the span id in the index column alone; times may be naive."""
    path = tmp_path / "old.parquet"
    table = pa.table(
        {
            "context.trace_id": ["t", "t", None],
            "__index_level_0__": ["a", "b", "c"],
            "name": ["x", "y", "z"],
            "span_kind": ["LLM", "TOOL", "LLM"],
            "parent_id": [None, "a", None],
            "start_time": pa.array([1000, None, 3000], pa.timestamp(unit)),
            "status_code": ["ERROR", "OK", "UNSET"],
        }
    )
    pq.write_table(table, path)
    assert PhoenixSpans().recognise(probe(path))
    rows, report = read(path)
    assert [(row["span_id"], row["parent_id"], row["kind"], row["status"]) for row in rows] == [
        ("a", None, "llm", "error"),
        ("b", "a", "tool", "ok"),
    ]
    assert rows[0]["start_ns"] == (1000 if unit == "ns" else 1_000_000)
    assert rows[1]["start_ns"] is None
    assert report.places == {"row without a trace id or span id": ["old.parquet:3"]}


def test_annotations_are_no_spans() -> None:
    assert not PhoenixSpans().recognise(probe(FIXTURES / "phoenix/annotations.parquet"))
