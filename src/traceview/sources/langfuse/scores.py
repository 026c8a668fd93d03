"""Langfuse's scores -> scores of spans, traces and threads."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from traceview.sources.base import Probe, ReadReport, ScoreRecord
from traceview.sources.dialects.base import as_float, first
from traceview.sources.given import given_by
from traceview.sources.jsontext import as_text
from traceview.sources.records import BATCH, records

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@lru_cache(maxsize=4096)
def snake_key(key: str) -> str:
    """A key of the UI or the API (camelCase) as the export spells it."""
    return _CAMEL.sub("_", key).lower()


def read_scores(probe: Probe, report: ReadReport) -> Iterator[list[ScoreRecord]]:
    """Batches of scores."""
    batch: list[ScoreRecord] = []
    for where, record in records(probe, report, pages=("data",)):
        row = {snake_key(key): value for key, value in record.items()}
        score = score_of(row)
        if not score["name"] or not (score["trace_id"] or score["thread_id"]):
            report.skip("score without a name, or without what it is about", where)
            continue
        batch.append(score)
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def score_of(row: Mapping[str, Any]) -> ScoreRecord:
    """One score from a row with snake_case keys: of an observation, else of a trace, else of a session."""
    name = as_text(row.get("name"))
    kind = (as_text(row.get("data_type")) or "").upper()
    value, label = as_float(row.get("value")), as_text(row.get("string_value")) or None
    if kind in ("CATEGORICAL", "TEXT") and label is None and isinstance(row.get("value"), str):
        label = as_text(row["value"])
    if kind == "BOOLEAN" and value is not None:
        label = None
    observation, trace = as_text(row.get("observation_id")) or None, as_text(row.get("trace_id")) or None
    return {
        "target": "span" if observation else "trace" if trace else "thread",
        "trace_id": trace,
        "span_id": observation,
        "thread_id": as_text(row.get("session_id")) or None,
        "name": name,
        "value": bool(value) if kind == "BOOLEAN" and value is not None else value,
        "label": label,
        "comment": as_text(row.get("comment")) or None,
        "source": given_by(as_text(row.get("source")), name),
        "author": as_text(first(row, ("author_user_id", "author"))),
        "time": as_text(first(row, ("timestamp", "created_at", "updated_at"))),
    }
