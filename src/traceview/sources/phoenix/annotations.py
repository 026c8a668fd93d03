"""Annotations of Phoenix -> scores of spans, traces and sessions.

An annotation that names only its span finds its trace when the spans are there.
"""

from __future__ import annotations

from collections.abc import Iterator

from traceview.sources.base import Probe, ReadReport, ScoreRecord
from traceview.sources.dialects.base import as_float, first
from traceview.sources.given import given_by
from traceview.sources.jsontext import as_text
from traceview.sources.records import BATCH, Record, mapping_of, records

_TARGETS = (("span", "span_id"), ("trace", "trace_id"), ("thread", "session_id"))


def read_scores(probe: Probe, report: ReadReport) -> Iterator[list[ScoreRecord]]:
    """Batches of scores."""
    batch: list[ScoreRecord] = []
    for where, record in records(probe, report, pages=("data",)):
        score = _score(record)
        if score is None:
            report.skip("annotation without a name, or without what it is about", where)
            continue
        batch.append(score)
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _score(record: Record) -> ScoreRecord | None:
    ids = {name: as_text(record.get(name)) or None for _, name in _TARGETS}
    ids["span_id"] = ids["span_id"] or as_text(record.get("__index_level_0__")) or None
    target = next((kind for kind, name in _TARGETS if ids[name]), None)
    name = as_text(first(record, ("annotation_name", "name")))
    if target is None or not name:
        return None
    result = mapping_of(record.get("result"))
    told = {key: record.get(f"result.{key}", result.get(key)) for key in ("label", "score", "explanation")}
    kind = as_text(record.get("annotator_kind"))
    return {
        "target": target,
        "trace_id": ids["trace_id"],
        "span_id": ids["span_id"],
        "thread_id": ids["session_id"],
        "name": name,
        "value": as_float(told["score"]),
        "label": as_text(told["label"]) or None,
        "comment": as_text(told["explanation"]) or None,
        "source": given_by(kind, None if kind else name),
        "author": as_text(first(record, ("identifier", "user_id"))),
        "time": as_text(first(record, ("created_at", "updated_at"))),
    }
