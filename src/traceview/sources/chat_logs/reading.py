"""Logs of conversations -> canonical rows: one model call a record, its last answer the output.

Ids are those of the record, else made of its content, so that reading it again gives the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from traceview.sources.base import CanonicalRow, Probe, ReadReport
from traceview.sources.chat_logs.format import conversation_of
from traceview.sources.context import context_fields
from traceview.sources.dialects.base import Fields, as_float, first, first_float
from traceview.sources.dialects.langfuse import usage_fields
from traceview.sources.jsontext import as_text, dumps
from traceview.sources.records import (
    Record,
    batches,
    completed,
    mapping_of,
    nanoseconds,
    of_seconds,
    records,
    text_and_messages,
    texts,
)

_IDS = ("id", "uuid", "request_id", "completion_id")
_THREADS = ("thread_id", "session_id", "conversation_id", "chat_id")
_TIMES = ("start_time", "timestamp", "created_at", "created", "time", "ts", "date")
_CONTENT = ("messages", "conversations", "prompt", "completion", "instruction", "output", "response")


def read(probe: Probe, report: ReadReport) -> Iterator[list[CanonicalRow]]:
    """Batches of canonical rows."""
    yield from batches(_rows(probe, report), report)


def _rows(probe: Probe, report: ReadReport) -> Iterator[CanonicalRow | None]:
    seen: dict[str, int] = {}
    for where, record in records(probe, report):
        messages = conversation_of(record)
        if messages is None:
            report.skip("no conversation in this record", where)
            continue
        given = as_text(first(record, _IDS))
        row_id = given or hashlib.sha256(dumps(record).encode("utf-8", "replace")).hexdigest()[:24]
        seen[row_id] = seen.get(row_id, 0) + 1
        if seen[row_id] > 1:
            # the same conversation twice is two records
            row_id = f"{row_id}-{seen[row_id]}"
        yield _row(record, messages, row_id)


def _row(record: Record, messages: list[Any], row_id: str) -> CanonicalRow:
    answers = bool(messages) and str(messages[-1].get("role")).lower() in ("assistant", "ai", "model")
    asked, answered = (messages[:-1], messages[-1:]) if answers else (messages, [])
    metadata = mapping_of(record.get("metadata"))
    context = context_fields({"metadata": metadata, "tags": texts(record.get("tags"))}, {})
    start = _time(first(record, _TIMES))
    end = _time(first(record, ("end_time", "finished_at", "completed_at")))
    latency = first_float(record, ("latency_ms", "duration_ms"))
    if end is None and start is not None and latency is not None:
        end = start + int(latency * 1e6)
    error = as_text(record.get("error"))
    fields: Fields = {
        **context,
        "source": "chat-log",
        "trace_id": row_id,
        "span_id": row_id,
        "parent_id": None,
        "name": as_text(record.get("name")) or "chat",
        "kind": "llm",
        "start_ns": start,
        "end_ns": end,
        "status": "error" if error else "unset",
        "error_message": error,
        "model": as_text(first(record, ("model", "model_name"))),
        "provider": as_text(record.get("provider")),
        "temperature": as_float(record.get("temperature")),
        "thread_id": as_text(first(record, _THREADS)) or context["thread_id"],
        "user_id": as_text(first(record, ("user_id", "user"))) or context["user_id"],
        "prompt_name": as_text(record.get("prompt_name")) or context["prompt_name"],
        "prompt_version": as_text(record.get("prompt_version")) or context["prompt_version"],
        "cost_usd": first_float(record, ("cost_usd", "cost")),
        "metadata": metadata,
        **usage_fields(mapping_of(record.get("usage")) or record),
    }
    text_and_messages(fields, asked, answered)
    return completed(fields, {key: value for key, value in record.items() if key not in _CONTENT})


def _time(value: Any) -> int | None:
    """A time: ISO text, or seconds or milliseconds since the epoch."""
    number = as_float(value)
    if number is None or (isinstance(value, str) and "-" in value):
        return nanoseconds(value)
    return of_seconds(number / 1000 if number > 1e11 else number)
