"""Scores that stand in the source itself: end users' feedback as source `user`, everything else as `import`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from traceview.model.labels import TARGET_KINDS, LabelRow, LabelValue, Target, TargetKind
from traceview.sources.base import ReadReport
from traceview.sources.open import OpenedSources
from traceview.store.duck.connection import Database
from traceview.store.duck.reading import Reader
from traceview.store.interface import CancelToken


def imported(database: Database, reader: Reader, token: CancelToken | None = None) -> Iterator[LabelRow]:
    """One row per score of the canonical column `scores`, read from every relation that has it.

    A score on a trace or thread goes to the trace or thread of its span. Several by one author and name: the last.
    The annotator of an imported score is who gave it and how: `human:ann`, `llm:gpt-5`, `code:nightly`.
    """
    for placed in reader.placed:
        if "scores" not in placed.relation.mapping.expressions:
            continue
        columns = ", ".join(
            placed.expression(name) for name in ("trace_id", "span_id", "thread_id", "scores")
        )
        with database.cursor(token) as cursor:
            cursor.execute(
                f"SELECT {columns} FROM {placed.scan()} WHERE {placed.expression('scores')} IS NOT NULL"
            )
            while batch := cursor.fetchmany(1024):
                for trace_id, span_id, thread_id, text in batch:
                    for score in _parsed(text):
                        yield from _labels(trace_id, span_id, thread_id, score)


def of_files(
    database: Database, sources: OpenedSources, spans: str, token: CancelToken | None = None
) -> Iterator[LabelRow]:
    """One row per score of the files of scores alone; a score of a span whose trace they leave out finds it in `spans`.

    What cannot be read, or is about a span that is not there or is in several traces, goes to `score_report`.
    """
    report = sources.score_report = ReadReport()
    for reader, probe in sources.score_files:
        for records in reader.read_scores(probe, report):
            if token is not None:
                token.check()
            _find_traces(database, spans, records, token)
            for record in records:
                rows = _labels(record.get("trace_id"), record.get("span_id"), record.get("thread_id"), record)
                if not rows:
                    report.skip("score without a name, a value or a target", probe.path.name)
                elif rows[0].target.kind == "span" and rows[0].target.trace_id is None:
                    report.skip("score of a span that the source does not have", probe.path.name)
                else:
                    yield from rows


def _find_traces(
    database: Database, spans: str, records: Sequence[dict[str, Any]], token: CancelToken | None
) -> None:
    """Give records that only name a span the trace of that span, if it is in one trace alone."""
    missing = {one["span_id"] for one in records if one.get("span_id") and not one.get("trace_id")}
    if not missing:
        return
    found = dict(
        database.fetch(
            f"SELECT span_id, min(trace_id) FROM {spans} WHERE span_id IN (SELECT unnest(?::VARCHAR[])) "
            "GROUP BY span_id HAVING min(trace_id) = max(trace_id)",
            [list(missing)],
            token,
        )
    )
    for one in records:
        if one.get("span_id") and not one.get("trace_id"):
            one["trace_id"] = found.get(one["span_id"])


def _parsed(text: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(text)
    except ValueError:
        return []
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _labels(
    trace_id: str | None, span_id: str | None, thread_id: str | None, score: dict[str, Any]
) -> list[LabelRow]:
    """The rows of one score: its value, and the text that should have come as a correction."""
    kind: TargetKind = next((one for one in TARGET_KINDS if one == score.get("target")), "span")
    target_id = {"span": span_id, "trace": trace_id, "thread": thread_id}[kind]
    if target_id is None:
        return []
    origin, author = score.get("source"), score.get("author")
    by_user = origin == "user"
    if by_user:
        annotator = author or "user"
    elif origin:
        annotator = f"{origin}:{author}" if author else origin
    else:
        annotator = author or "import"
    comment, correction = score.get("comment"), score.get("correction")
    values = {str(score["name"]): _value(score)} if score.get("name") else {}
    if isinstance(correction, str) and correction:
        values["correction"] = correction
    return [
        LabelRow(
            id="",
            target=Target(kind, target_id, None if kind == "thread" else trace_id),
            name=name,
            value=value,
            source="user" if by_user else "import",
            annotator=str(annotator),
            created_at=_time(score.get("time")),
            reason=str(comment) if comment is not None else None,
        )
        for name, value in values.items()
        if value is not None
    ]


def _value(score: dict[str, Any]) -> LabelValue:
    """The label where there is one, else the value."""
    label, value = score.get("label"), score.get("value")
    if label is not None and label != "":
        return label if isinstance(label, bool | str) else str(label)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, bool | int | float | str) else None


def _time(value: Any) -> str:
    if isinstance(value, int) and value > 0:
        return datetime.fromtimestamp(value / 1e9, UTC).isoformat()
    return str(value) if value else ""
