"""Langfuse's observations and traces -> canonical rows.

Keys are snake_case in the blob storage export and camelCase in the UI and the API; both are read. What a separate file
of traces says (user, session, tags, release, input, output) is kept in a temporary SQLite file while observations are
read; a trace without observations is a span of its own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from traceview.sources.base import CanonicalRow, Probe, ReadReport
from traceview.sources.context import context_fields
from traceview.sources.dialects.base import Fields, as_float, first
from traceview.sources.dialects.langfuse import KINDS, total_cost, usage_fields
from traceview.sources.jsontext import as_text, decoded, dumps, loads
from traceview.sources.langfuse.format import is_observation, is_trace, names_of
from traceview.sources.langfuse.scores import score_of, snake_key
from traceview.sources.records import (
    Record,
    batches,
    completed,
    mapping_of,
    nanoseconds,
    records,
    text_and_messages,
    texts,
)

_SECONDS_SINCE = int(datetime(2026, 4, 1, tzinfo=UTC).timestamp()) * 1_000_000_000
"""Exports of integrations made before wrote `time_to_first_token` in milliseconds."""
_FROM_TRACE = ("user_id", "session_id", "tags", "release", "environment", "trace_name", "public")


class LangfuseReader:
    """Reads files that belong together."""

    def __init__(self, name: str, probes: Sequence[Probe]) -> None:
        self.name = name
        self._traces = sqlite3.connect("", check_same_thread=False)
        self._traces.execute(
            "CREATE TABLE traces (id TEXT PRIMARY KEY, row TEXT, used INTEGER) WITHOUT ROWID"
        )
        self._some = False
        self._left = {probe.path for probe in probes}
        for probe in probes:
            names = names_of(probe)
            if is_trace(names) and not is_observation(names) and "observations" not in names:
                self._keep_traces(probe)

    def recognise(self, probe: Probe) -> bool:
        """True; which files it reads was decided before."""
        return True

    def read(self, probe: Probe, report: ReadReport) -> Iterator[list[CanonicalRow]]:
        """Batches of canonical rows; with the last file come the traces that had no observation."""
        yield from batches(self._rows(probe, report), report)
        self._left.discard(probe.path)
        if not self._left:
            yield from batches(self._alone(), report)

    def _keep_traces(self, probe: Probe) -> None:
        # read again, and reported, when it is the file's turn
        for _, record in records(probe, ReadReport()):
            row = _snake(record)
            if row.get("id"):
                self._some = True
                self._traces.execute(
                    "INSERT OR REPLACE INTO traces VALUES (?, ?, 0)", (as_text(row["id"]), dumps(row))
                )

    def _rows(self, probe: Probe, report: ReadReport) -> Iterator[CanonicalRow | None]:
        for where, record in records(probe, report, pages=("data",)):
            row = _snake(record)
            if isinstance(row.get("observations"), list):
                yield from _whole(row, where, report)
            elif is_observation(row.keys()):
                yield self._observation(row, where, report)
            elif not row.get("id"):
                report.skip("row without an id", where)

    def _observation(self, row: Record, where: str, report: ReadReport) -> CanonicalRow | None:
        trace_id = as_text(row.get("trace_id"))
        if trace_id and self._some:
            known = self._traces.execute("SELECT row FROM traces WHERE id = ?", (trace_id,)).fetchone()
            if known is not None:
                self._traces.execute("UPDATE traces SET used = 1 WHERE id = ?", (trace_id,))
                row = _with_trace(row, loads(known[0]))
        return _span(row, where, report)

    def _alone(self) -> Iterator[CanonicalRow | None]:
        for (text,) in self._traces.execute("SELECT row FROM traces WHERE NOT used"):
            yield _root(loads(text), has_children=False)
        self._traces.close()


def _snake(record: Record) -> Record:
    return {snake_key(key): value for key, value in record.items()}


def _with_trace(row: Record, trace: Record) -> Record:
    """An observation with what only its trace says."""
    told = {key: trace.get("name" if key == "trace_name" else key) for key in _FROM_TRACE}
    return {**{key: value for key, value in told.items() if value is not None}, **_there(row)}


def _there(row: Record) -> Record:
    return {key: value for key, value in row.items() if value not in (None, "", [])}


def _whole(trace: Record, where: str, report: ReadReport) -> Iterator[CanonicalRow | None]:
    """A trace as the API gives it: itself as root, its observations, its scores."""
    observations = [_snake(one) for one in trace["observations"] if isinstance(one, dict)]
    listed = trace.get("scores")
    scores = [_snake(one) for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    own = [score_of(one) for one in scores if not one.get("observation_id")]
    trace_id = as_text(trace.get("id"))
    roots = [one for one in observations if not one.get("parent_observation_id")]
    if len(roots) != 1:
        root = _root(trace, has_children=bool(observations))
        root["scores"] = dumps(own) if own else None
        yield root
    for one in observations:
        row = _with_trace({"trace_id": trace_id, **one}, trace)
        if not one.get("parent_observation_id") and len(roots) != 1:
            row["parent_observation_id"] = trace_id
        found = _span(row, where, report)
        if found is not None:
            mine = [score_of(score) for score in scores if score.get("observation_id") == one.get("id")]
            mine += own if len(roots) == 1 and one is roots[0] else []
            found["scores"] = dumps(mine) if mine else None
        yield found


def _root(trace: Record, *, has_children: bool) -> CanonicalRow:
    """The trace as a span: what it was asked and what it answered."""
    trace_id = as_text(trace.get("id"))
    start = nanoseconds(trace.get("timestamp"))
    latency = as_float(trace.get("latency"))
    fields = _context(trace)
    fields.update(
        trace_id=trace_id,
        span_id=trace_id,
        name=as_text(trace.get("name")) or "",
        kind="chain",
        start_ns=start,
        end_ns=start + int(latency * 1e9) if start is not None and latency is not None else None,
        status="unset",
    )
    if not has_children:
        fields["cost_usd"] = as_float(trace.get("total_cost"))
    text_and_messages(fields, trace.get("input"), trace.get("output"))
    return completed(fields, _rest(trace))


def _span(row: Record, where: str, report: ReadReport) -> CanonicalRow | None:
    span_id, trace_id = as_text(row.get("id")), as_text(row.get("trace_id"))
    if not span_id or not trace_id:
        report.skip("observation without an id or a trace", where)
        return None
    word = (as_text(row.get("type")) or "").lower()
    kind = KINDS.get(word, "unknown")
    level = (as_text(row.get("level")) or "").upper()
    start, end = nanoseconds(row.get("start_time")), nanoseconds(row.get("end_time"))
    parameters = mapping_of(row.get("model_parameters"))
    fields = _context(row)
    fields.update(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=as_text(row.get("parent_observation_id")) or None,
        name=as_text(row.get("name")) or "",
        kind=kind,
        start_ns=start,
        end_ns=end,
        status="error" if level == "ERROR" else "ok" if end is not None else "unset",
        error_message=(as_text(row.get("status_message")) or None) if level == "ERROR" else None,
        model=as_text(first(row, ("provided_model_name", "model", "internal_model"))),
        temperature=as_float(parameters.get("temperature")),
        service_tier=as_text(parameters.get("service_tier")),
        ttft_ms=_ttft(row, start),
    )
    if kind in ("llm", "embedding"):
        usage = mapping_of(row.get("usage_details")) or mapping_of(row.get("usage"))
        fields.update(usage_fields(usage))
        fields["cost_usd"] = _cost(row)
    if kind == "tool":
        fields["tool_name"] = fields["name"]
        metadata = mapping_of(row.get("metadata"))
        fields["tool_call_id"] = as_text(decoded(first(metadata, ("call_id", "tool_call_id"))))
    text_and_messages(fields, row.get("input"), row.get("output"))
    return completed(fields, _rest(row))


def _context(row: Record) -> Fields:
    metadata = {key: decoded(value, 1) for key, value in mapping_of(row.get("metadata")).items()}
    context = context_fields({"metadata": metadata, "tags": texts(row.get("tags"))}, {})
    version = row.get("prompt_version")
    return {
        **context,
        "source": "langfuse",
        "parent_id": None,
        "thread_id": as_text(row.get("session_id")) or context["thread_id"],
        "user_id": as_text(row.get("user_id")) or context["user_id"],
        "prompt_name": as_text(row.get("prompt_name")) or context["prompt_name"],
        "prompt_version": as_text(version) if version not in (None, "") else context["prompt_version"],
        "environment": as_text(row.get("environment")) or context["environment"],
        "release": as_text(row.get("release")) or context["release"],
    }


def _cost(row: Record) -> float | None:
    """The cost as recorded; what a project without prices leaves, a zero beside no details, is none."""
    details = mapping_of(row.get("cost_details"))
    found = total_cost(details) if details else None
    if found is None:
        found = as_float(first(row, ("total_cost", "calculated_total_cost")))
    return found if details or found else None


def _ttft(row: Record, start: int | None) -> float | None:
    began = nanoseconds(row.get("completion_start_time"))
    if began is not None and start is not None:
        return max((began - start) / 1e6, 0.0)
    told = as_float(row.get("time_to_first_token"))
    if told is None:
        return None
    return told if start is not None and start < _SECONDS_SINCE and told >= 30 else told * 1000


def _rest(row: Mapping[str, Any]) -> Record:
    rest = dict(row)
    for key in ("input", "output", "observations", "scores"):
        rest.pop(key, None)
    return rest
