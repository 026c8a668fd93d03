"""LangSmith's feedback -> scores of runs and traces."""

from __future__ import annotations

from collections.abc import Iterator

from traceview.sources.base import Probe, ReadReport, ScoreRecord
from traceview.sources.dialects.base import as_float, first
from traceview.sources.given import given_by
from traceview.sources.jsontext import as_text, decoded
from traceview.sources.records import BATCH, mapping_of, records


def read_scores(probe: Probe, report: ReadReport) -> Iterator[list[ScoreRecord]]:
    """Batches of scores; feedback on a root run is about its trace."""
    batch: list[ScoreRecord] = []
    for where, record in records(probe, report):
        run_id, name = as_text(record.get("run_id")), as_text(record.get("key"))
        if not run_id or not name:
            report.skip("feedback without a run or a key", where)
            continue
        trace_id = as_text(record.get("trace_id"))
        source = mapping_of(record.get("feedback_source"))
        value, score = decoded(record.get("value")), record.get("score")
        correction = decoded(record.get("correction"))
        if isinstance(correction, dict) and len(correction) == 1:
            correction = next(iter(correction.values()))
        batch.append(
            {
                "target": "trace" if run_id == trace_id else "span",
                "trace_id": trace_id,
                "span_id": run_id,
                "name": name,
                "value": as_float(score) if not isinstance(score, bool) else float(score),
                "label": as_text(value) if value not in (None, "", score) else None,
                "comment": as_text(record.get("comment")) or None,
                "source": given_by(as_text(source.get("type")), name),
                "author": as_text(first(source, ("user_name", "user_id", "ls_user_id"))),
                "time": as_text(first(record, ("created_at", "modified_at"))),
                "correction": as_text(correction),
            }
        )
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
