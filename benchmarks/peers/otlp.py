"""Spans of a generated file as OTLP requests with OpenInference attributes, as instrumentations send them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

BATCH = 500
NANOSECONDS = ("start_time", "end_time")


def requests(path: Path) -> Iterator[bytes]:
    """Bodies of BATCH spans each."""
    file = pq.ParquetFile(path)
    for batch in file.iter_batches(BATCH):
        columns = {
            name: batch.column(name).cast("int64").to_pylist()
            if name in NANOSECONDS
            else batch.column(name).to_pylist()
            for name in batch.schema.names
        }
        rows = (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))
        request = ExportTraceServiceRequest()
        request.resource_spans.add().scope_spans.add().spans.extend(_span(row) for row in rows)
        yield request.SerializeToString()


def _span(row: dict[str, Any]) -> Span:
    attributes: dict[str, Any] = {
        "openinference.span.kind": row["kind"].upper(),
        "input.value": row["input"],
        "output.value": row["output"],
        "llm.model_name": row["model"],
        "llm.token_count.prompt": row["prompt_tokens"],
        "llm.token_count.completion": row["completion_tokens"],
        "tool.name": row["tool_name"],
        "session.id": row["thread_id"],
        "user.id": row["user_id"],
        "metadata": row["attributes"],
    }
    failed = row["status"] == "error"
    return Span(
        trace_id=bytes.fromhex(row["trace_id"]),
        span_id=bytes.fromhex(row["span_id"]),
        parent_span_id=bytes.fromhex(row["parent_span_id"] or ""),
        name=row["name"],
        start_time_unix_nano=row["start_time"],
        end_time_unix_nano=row["end_time"],
        status=Status(
            code=Status.STATUS_CODE_ERROR if failed else Status.STATUS_CODE_OK, message=row["error"] or ""
        ),
        attributes=[_attribute(name, value) for name, value in attributes.items() if value is not None],
    )


def _attribute(name: str, value: str | int) -> KeyValue:
    found = KeyValue(key=name)
    if isinstance(value, int):
        found.value.int_value = value
    else:
        found.value.string_value = value
    return found
