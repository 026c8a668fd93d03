"""Project logs of Braintrust -> canonical rows.

Raw rows carry `_is_merge: true` where they complete an earlier row of the same id. Rows of such a file wait in a
temporary SQLite file until the whole of it is read, so that memory does not grow with it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from traceview.model.schema import KINDS
from traceview.sources.base import CanonicalRow, Probe, ReadReport
from traceview.sources.context import context_fields
from traceview.sources.dialects.base import Fields, as_float, first, first_count, first_float, milliseconds
from traceview.sources.given import given_by
from traceview.sources.jsontext import as_text, decoded, dumps, loads
from traceview.sources.ranges import contains
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

_KINDS = {
    "llm": "llm", "tool": "tool", "task": "agent", "function": "chain", "eval": "chain", "score": "evaluator",
    "facet": "evaluator", "preprocessor": "chain", "automation": "chain", "review": "evaluator",
}  # fmt: skip
_THREAD = ("thread_id", "session_id", "conversation_id", "chat_id")
_USER = ("user_id", "user", "customer_id")


def read(probe: Probe, report: ReadReport) -> Iterator[list[CanonicalRow]]:
    """Batches of canonical rows."""
    yield from batches(_rows(probe, report), report)


def _rows(probe: Probe, report: ReadReport) -> Iterator[CanonicalRow | None]:
    found = records(probe, report)
    if not completes_rows(probe):
        for where, record in found:
            yield _row(record, where, report)
        return
    with closing(sqlite3.connect("")) as held:
        held.execute("CREATE TABLE rows (id TEXT PRIMARY KEY, row TEXT, place TEXT) WITHOUT ROWID")
        held.execute("CREATE TABLE ids (number INTEGER PRIMARY KEY, id TEXT)")
        for where, record in found:
            _hold(held, where, record, report)
        for text, where in held.execute("SELECT row, place FROM ids JOIN rows USING (id) ORDER BY number"):
            yield _row(loads(text), where, report)


def completes_rows(probe: Probe) -> bool:
    """Whether a file has rows that complete others; of tables that is not known before they are read."""
    return probe.container != "json" or contains(probe, (b'"_is_merge"',))


def _hold(held: sqlite3.Connection, where: str, record: Record, report: ReadReport) -> None:
    """Keep a row until the end; one that completes another is merged into it, any other replaces it."""
    row_id = as_text(record.get("id") or record.get("span_id"))
    if not row_id:
        report.skip("row without an id", where)
        return
    known = held.execute("SELECT row FROM rows WHERE id = ?", (row_id,)).fetchone()
    if known is None:
        held.execute("INSERT INTO ids (id) VALUES (?)", (row_id,))
    elif record.get("_is_merge"):
        record = _merged(loads(known[0]), record)
    else:
        report.skip("row written more than once, the last one is kept", where)
    held.execute("INSERT OR REPLACE INTO rows VALUES (?, ?, ?)", (row_id, dumps(record), where))


def _merged(old: Any, new: Any) -> Any:
    """Objects merge by key, deeply; anything else is replaced."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {
            **old,
            **{key: _merged(old[key], value) if key in old else value for key, value in new.items()},
        }
    return new


def _row(record: Record, where: str, report: ReadReport) -> CanonicalRow | None:
    span_id, trace_id = as_text(record.get("span_id")), as_text(record.get("root_span_id"))
    if not span_id or not trace_id:
        report.skip("row without a span id or a root span id", where)
        return None
    told = mapping_of(record.get("span_attributes"))
    metadata, metrics = mapping_of(record.get("metadata")), mapping_of(record.get("metrics"))
    name = as_text(told.get("name")) or ""
    kind = _kind(as_text(told.get("type")), name)
    parents = decoded(record.get("span_parents"))
    error = decoded(record.get("error"))
    context = context_fields({"metadata": metadata, "tags": texts(record.get("tags"))}, {})
    end = of_seconds(metrics.get("end"))
    fields: Fields = {
        **context,
        "source": "braintrust",
        "trace_id": trace_id,
        "span_id": span_id,
        "parent_id": as_text(parents[0]) if isinstance(parents, list) and parents else None,
        "name": name,
        "kind": kind,
        "start_ns": of_seconds(metrics.get("start")) or nanoseconds(record.get("created")),
        "end_ns": end,
        "status": "error" if error else "ok" if end is not None else "unset",
        "thread_id": context["thread_id"] or as_text(first(metadata, _THREAD)),
        "user_id": context["user_id"] or as_text(first(metadata, _USER)),
        "scores": _scores(record, span_id == trace_id or not parents),
        **_error(error),
    }
    if kind in ("llm", "embedding"):
        fields.update(
            model=as_text(metadata.get("model")),
            provider=as_text(metadata.get("provider")),
            temperature=as_float(metadata.get("temperature")),
            input_tokens=first_count(metrics, ("prompt_tokens",)),
            output_tokens=first_count(metrics, ("completion_tokens",)),
            cache_read_tokens=first_count(metrics, ("prompt_cached_tokens",)),
            cache_write_tokens=first_count(metrics, ("prompt_cache_creation_tokens",)),
            reasoning_tokens=first_count(metrics, ("completion_reasoning_tokens",)),
            cost_usd=first_float(metrics, ("estimated_cost", "cost")),
            ttft_ms=milliseconds(as_float(metrics.get("time_to_first_token"))),
        )
    if kind == "tool":
        fields["tool_name"] = name
        fields["tool_call_id"] = as_text(first(metadata, ("call_id", "tool_call_id")))
    text_and_messages(fields, record.get("input"), record.get("output"))
    if fields.get("output_messages"):
        fields["finish_reason"] = fields["output_messages"][-1].get("finish_reason")
    rest = {key: value for key, value in record.items() if key not in ("input", "output", "_is_merge")}
    return completed(fields, rest)


def _kind(word: str | None, name: str) -> str:
    """Embedding calls are of type llm too; a function may be named for what it does."""
    kind = _KINDS.get((word or "").lower(), word.lower() if word and word.lower() in KINDS else "unknown")
    if kind == "llm" and name.lower().startswith("embedding"):
        return "embedding"
    return kind


def _error(error: Any) -> Fields:
    if not error:
        return {}
    if isinstance(error, dict):
        return {
            "error_type": as_text(first(error, ("type", "name", "code"))),
            "error_message": as_text(first(error, ("message", "error"))) or as_text(dict(error)),
            "error_stack": as_text(first(error, ("stack", "traceback"))),
        }
    text = as_text(error) or ""
    last = next((line for line in reversed(text.splitlines()) if line.strip()), "")
    head, colon, rest = (text if "\n" not in text else last).partition(": ")
    typed = colon and head.replace(".", "").replace("_", "").isalnum()
    return {
        "error_type": head.rsplit(".", 1)[-1] if typed else None,
        "error_message": rest if typed else text.splitlines()[0],
        "error_stack": text if "\n" in text else None,
    }


def _scores(record: Record, of_root: bool) -> list[dict[str, Any]]:
    return [
        {
            "target": "trace" if of_root else "span",
            "name": name,
            "value": as_float(value),
            "source": given_by(None, name),
            "time": as_text(record.get("created")),
        }
        for name, value in mapping_of(record.get("scores")).items()
        if value is not None
    ]
