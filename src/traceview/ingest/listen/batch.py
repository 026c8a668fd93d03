"""The spans and messages that become one part: joined to each other and to what came before them."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from traceview.ingest.listen.bodies import log_request
from traceview.ingest.listen.earlier import earlier_spans
from traceview.ingest.listen.inbox import span_key
from traceview.ingest.listen.spans import rows_of
from traceview.sources.attributes import row_of
from traceview.sources.base import CanonicalRow, ReadReport
from traceview.sources.jsontext import dumps, loads
from traceview.sources.otlp.logs import Event, LogEvents, messages
from traceview.sources.parts import table_of

if TYPE_CHECKING:
    import pyarrow as pa

_NOT_FOUND = "log record that came long after its span"


_ROWS_AT_ONCE = 2_000
"""Rows become a table soon: as they are they take ten times as much memory."""


class Batch:
    """The spans of one part. Nothing is changed in the inbox before `remember`."""

    def __init__(self, store: Path, connection: sqlite3.Connection, part: int, report: ReadReport) -> None:
        self.spans = 0
        self.report = report
        self.repeated = 0
        self.completed = 0
        self._store = store
        self._connection = connection
        self._part = part
        self._rows: dict[bytes, CanonicalRow] = {}
        self._tables: list[pa.Table] = []
        self._ended: dict[bytes, bool] = {}
        """The spans of this batch, and whether they had ended."""
        self._events: dict[bytes, list[tuple[int, int, Event]]] = {}
        """Messages of this batch by span: the number of the request, the number in it, the message."""
        self._ids: dict[bytes, tuple[str, str]] = {}
        self._joined: set[bytes] = set()
        self._logs = _Messages(self)
        self._some_wait = connection.execute("SELECT EXISTS (SELECT 1 FROM waiting)").fetchone()[0]

    def add_messages(self, number: int, request: Any) -> None:
        """Take the messages of a request of log records."""
        where = f"request {number}"
        for at, (trace_id, span_id, event) in enumerate(messages(log_request(request), where, self.report)):
            key = span_key(trace_id, span_id)
            self._ids[key] = trace_id, span_id
            self._events.setdefault(key, []).append((number, at, event))

    def add_spans(self, number: int, request: Any) -> None:
        """Take the spans of a request, without those that were written before or came in this batch."""
        for row in rows_of(request, f"request {number}", self.report, self._logs):
            key = span_key(row["trace_id"], row["span_id"])
            earlier = self._ended.get(key)
            ended = earlier is True
            if earlier is None:
                found = self._written(key)
                ended = found is not None and (found[1] == 1 or row["end_ns"] is None)
            if ended:
                self.repeated += 1
            else:
                self.repeated += earlier is not None
                self._keep(key, row)

    def complete_earlier(self) -> None:
        """Add spans that are in earlier parts and whose messages came only now."""
        wanted: dict[str, dict[bytes, tuple[str, str]]] = {}
        for key in self._events.keys() - self._ended.keys():
            found = self._written(key)
            if found is not None:
                wanted.setdefault(found[0], {})[key] = self._ids[key]
        for part, ids in wanted.items():
            spans = earlier_spans(self._store, part, list(ids.values()))
            for key, (trace_id, span_id) in ids.items():
                span = spans.get((trace_id, span_id))
                self._joined.add(key)
                if span is None:
                    self.report.skip(_NOT_FOUND, f"span {span_id}", len(self._events[key]))
                    continue
                # log records that are delivered again say nothing new
                new = [event for event in self.messages_of(key) if event not in span.events]
                if not new:
                    continue
                span.events.extend(new)
                self._keep(key, row_of(span))
                self.completed += 1

    def messages_of(self, key: bytes) -> list[Event]:
        """The messages of a span, of this batch and those that waited, in order of time."""
        found = [
            (event["time_ns"] or 0, number, at, event) for number, at, event in self._events.get(key, ())
        ]
        if self._some_wait:
            for time_ns, number, at, text in self._connection.execute(
                "SELECT time_ns, request, number, event FROM waiting WHERE key = ?", (key,)
            ):
                found.append((time_ns, number, at, loads(text)))
        found.sort(key=lambda one: one[:3])
        return list({dumps(event): event for *_, event in found}.values())

    def remember(self) -> None:
        """Write down, in the transaction that is open, which spans are written and which messages wait."""
        run, now = self._connection, time.time_ns()
        run.executemany(
            "INSERT OR REPLACE INTO written VALUES (?, ?, ?)",
            [(key, self._part, int(ended)) for key, ended in self._ended.items()],
        )
        # what was joined to a span that is still open is joined again when it has ended
        ended = {key for key, has_ended in self._ended.items() if has_ended}
        if self._some_wait:
            run.executemany("DELETE FROM waiting WHERE key = ?", [(key,) for key in ended])
        waits = self._events.keys() - ended - (self._joined - self._ended.keys())
        run.executemany(
            "INSERT OR IGNORE INTO waiting VALUES (?, ?, ?, ?, ?, ?)",
            [
                (key, event["time_ns"] or 0, number, at, dumps(event), now)
                for key in waits
                for number, at, event in self._events[key]
            ],
        )

    def table(self) -> pa.Table:
        """The spans as a part has them: sorted by start time, those without one last."""
        import pyarrow as pa

        self._pack()
        return pa.concat_tables(self._tables).sort_by("start_time")

    def _keep(self, key: bytes, row: CanonicalRow) -> None:
        # of a span in two tables the later row counts, as of one in two parts
        self.spans += key not in self._rows
        self._rows[key] = row
        self._ended[key] = row["end_ns"] is not None
        if len(self._rows) >= _ROWS_AT_ONCE:
            self._pack()

    def _pack(self) -> None:
        if self._rows or not self._tables:
            self._tables.append(table_of(list(self._rows.values())))
            self._rows.clear()

    def _written(self, key: bytes) -> tuple[str, int] | None:
        """The part that has a span, and whether it had ended; parts before this one only."""
        found: tuple[str, int] | None = self._connection.execute(
            "SELECT name, ended FROM written JOIN parts ON part = no WHERE key = ? AND part < ?",
            (key, self._part),
        ).fetchone()
        return found


class _Messages(LogEvents):
    """The messages of a batch, as the mapping of spans asks for them."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch

    def of(self, trace_id: str, span_id: str) -> list[Event]:
        """The messages of a span in order of time."""
        return self._batch.messages_of(span_key(trace_id, span_id))
