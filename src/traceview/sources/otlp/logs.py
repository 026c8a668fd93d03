"""Log records of OTLP that belong to spans: the messages of model calls, where writers put them beside the span.

Source: the GenAI conventions up to 1.36 (`gen_ai.user.message`, `gen_ai.choice`, ...) and the event
`gen_ai.client.inference.operation.details` of later ones; scores come as `gen_ai.evaluation.result`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

from traceview.sources.base import ReadReport
from traceview.sources.dialects.base import RawSpan
from traceview.sources.jsontext import as_text, dumps, loads
from traceview.sources.otlp.values import (
    any_value,
    attributes_of,
    first_key,
    identifier,
    items_of,
    nanoseconds,
)

RESOURCE_LOGS = ("resourceLogs", "resource_logs")
_SCOPE_LOGS = ("scopeLogs", "scope_logs", "instrumentationLibraryLogs")
_RECORDS = ("logRecords", "log_records")
_NO_MESSAGE = "log record that is no message of a model call"
_NO_SPAN = "log record of a span that is not there"

Event = dict[str, Any]


class LogEvents:
    """Events by the span that they belong to, in a temporary file so that memory does not grow with them."""

    def __init__(self) -> None:
        self._held = sqlite3.connect("", check_same_thread=False)
        self._held.execute(
            "CREATE TABLE events (trace_id TEXT, span_id TEXT, time INTEGER, number INTEGER, event TEXT, place TEXT, "
            "used INTEGER DEFAULT 0, PRIMARY KEY (trace_id, span_id, time, number)) WITHOUT ROWID"
        )
        self._number = 0

    def add(self, request: Mapping[str, Any], where: str, report: ReadReport) -> None:
        """Keep the records of a request; those that are no messages are reported."""
        for trace_id, span_id, event in messages(request, where, report):
            self._number += 1
            self._held.execute(
                "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, 0)",
                (trace_id, span_id, event["time_ns"] or 0, self._number, dumps(event), where),
            )

    def of(self, trace_id: str, span_id: str) -> list[Event]:
        """The events of a span in order of time."""
        if not self._number:
            return []
        key = (trace_id, span_id)
        found = self._held.execute(
            "SELECT event FROM events WHERE trace_id = ? AND span_id = ? ORDER BY time, number", key
        ).fetchall()
        if found:
            self._held.execute("UPDATE events SET used = 1 WHERE trace_id = ? AND span_id = ?", key)
        return [loads(text) for (text,) in found]

    def join(self, span: RawSpan) -> None:
        """Add its events to a span, as its writer stored it."""
        span.events.extend(self.of(span.trace_id, span.span_id))

    def finish(self, report: ReadReport) -> None:
        """Report the records whose span never came."""
        for where, count in self._held.execute(
            "SELECT place, count(*) FROM events WHERE NOT used GROUP BY place"
        ):
            report.skip(_NO_SPAN, where, count)
        self._held.close()


def messages(request: Mapping[str, Any], where: str, report: ReadReport) -> Iterator[tuple[str, str, Event]]:
    """Trace id, span id and event of every record of a request that is a message; the others are reported."""
    for record in _records(request):
        if not isinstance(record, dict):
            report.skip(_NO_MESSAGE, where)
            continue
        event = event_of(record)
        trace_id = identifier(first_key(record, ("traceId", "trace_id")), 16)
        span_id = identifier(first_key(record, ("spanId", "span_id")), 8)
        if event is None or trace_id is None or span_id is None:
            report.skip(_NO_MESSAGE, where)
        else:
            yield trace_id, span_id, event


def event_of(record: Mapping[str, Any]) -> Event | None:
    """A log record as an event of its span: its body and attributes together; None if it is no GenAI event."""
    attributes = attributes_of(record.get("attributes"))
    name = as_text(first_key(record, ("eventName", "event_name")) or attributes.get("event.name"))
    if not name or not name.startswith("gen_ai."):
        return None
    body = any_value(record.get("body"))
    told = body if isinstance(body, dict) else {} if body is None else {"content": body}
    times = ("timeUnixNano", "time_unix_nano", "observedTimeUnixNano", "observed_time_unix_nano")
    time_ns = next((found for key in times if (found := nanoseconds(record.get(key))) is not None), None)
    return {"time_ns": time_ns, "name": name, "attributes": {**attributes, **told}}


def _records(request: Mapping[str, Any]) -> Iterator[Any]:
    for resource in items_of(request, RESOURCE_LOGS):
        for scope in items_of(resource, _SCOPE_LOGS):
            yield from items_of(scope, _RECORDS)
