"""The spans and messages that become one part: joined to each other and to what came before them."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from traceview.ingest.listen.bodies import log_request
from traceview.ingest.listen.earlier import earlier_spans, has_part
from traceview.ingest.listen.inbox import span_key
from traceview.ingest.listen.spans import rows_of
from traceview.sources.attributes import row_of
from traceview.sources.base import CanonicalRow, ReadReport
from traceview.sources.dialects.base import RawSpan
from traceview.sources.jsontext import dumps, loads
from traceview.sources.otlp.logs import Event, LogEvents, messages
from traceview.sources.parts import table_of

if TYPE_CHECKING:
    import pyarrow as pa

_NOT_FOUND = "log record that came long after its span"


_ROWS_AT_ONCE = 2_000
"""Rows become a table soon: as they are they take ten times as much memory."""


class Version(NamedTuple):
    """What came of a span: whether it had ended, and a digest of it as it was sent; None in an inbox of before.

    `joined` says that messages of log records were added to it, `part` which earlier part has it.
    """

    ended: bool
    digest: bytes | None
    joined: bool
    part: str = ""

    def is_news_after(self, earlier: Version) -> bool:
        """Whether this version is to take the place of an earlier one."""
        return self.digest != earlier.digest and (self.ended or not earlier.ended)


class Batch:
    """The spans of one part. Nothing is changed in the inbox before `remember`."""

    def __init__(self, store: Path, connection: sqlite3.Connection, part: int, report: ReadReport) -> None:
        self.spans = 0
        self.report = report
        self.repeated = 0
        self.replaced = 0
        self.completed = 0
        self._store = store
        self._connection = connection
        self._part = part
        self._rows: dict[bytes, CanonicalRow] = {}
        self._tables: list[pa.Table] = []
        self._packed = 0
        self._at: dict[bytes, int] = {}
        """Where in the tables a span is."""
        self._dropped: set[int] = set()
        """The rows of the tables that another one took the place of."""
        self._versions: dict[bytes, Version] = {}
        """The spans of this batch."""
        self._there: dict[str, bool] = {}
        """Whether earlier parts are in the store."""
        self._events: dict[bytes, list[tuple[int, int, Event]]] = {}
        """Messages of this batch by span: the number of the request, the number in it, the message."""
        self._ids: dict[bytes, tuple[str, str]] = {}
        self._joined: set[bytes] = set()
        self._logs = _Messages(self, store)
        self._some_wait = connection.execute("SELECT EXISTS (SELECT 1 FROM waiting)").fetchone()[0]

    def add_messages(self, number: int, request: Any) -> None:
        """Take the messages of a request of log records."""
        where = f"request {number}"
        for at, (trace_id, span_id, event) in enumerate(messages(log_request(request), where, self.report)):
            key = span_key(trace_id, span_id)
            self._ids[key] = trace_id, span_id
            self._events.setdefault(key, []).append((number, at, event))

    def add_spans(self, number: int, request: Any) -> None:
        """Take the spans of a request, without those that say nothing new.

        That is what was written before, or came in this batch, with the same content, and an open span that had ended.
        """
        for row in rows_of(request, f"request {number}", self.report, self._logs):
            key, version = self._logs.joined
            earlier = self._versions.get(key) or self.written(key)
            if earlier is not None and not version.is_news_after(earlier):
                self.repeated += 1
            else:
                self.replaced += earlier is not None
                self._keep(key, row, version)

    def complete_earlier(self) -> None:
        """Add spans that are in earlier parts and whose messages came only now."""
        wanted: dict[str, dict[bytes, tuple[str, str]]] = {}
        versions: dict[bytes, Version] = {}
        for key in self._events.keys() - self._versions.keys():
            found = self.written(key)
            if found is not None:
                wanted.setdefault(found.part, {})[key] = self._ids[key]
                versions[key] = found
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
                self._keep(key, row_of(span), versions[key]._replace(joined=True))
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
            "INSERT OR REPLACE INTO written (key, part, ended, digest, joined) VALUES (?, ?, ?, ?, ?)",
            [(key, self._part, one.ended, one.digest, one.joined) for key, one in self._versions.items()],
        )
        # what was joined to a span that is still open is joined again when it has ended
        ended = {key for key, one in self._versions.items() if one.ended}
        if self._some_wait:
            run.executemany("DELETE FROM waiting WHERE key = ?", [(key,) for key in ended])
        waits = self._events.keys() - ended - (self._joined - self._versions.keys())
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
        table = pa.concat_tables(self._tables)
        if self._dropped:
            table = table.take([at for at in range(len(table)) if at not in self._dropped])
        return table.sort_by("start_time")

    def written(self, key: bytes) -> Version | None:
        """What an earlier part has of a span; None if that part is gone, and with it the span."""
        found = self._connection.execute(
            "SELECT ended, digest, joined, name FROM written JOIN parts ON part = no WHERE key = ? AND part < ?",
            (key, self._part),
        ).fetchone()
        if found is None:
            return None
        ended, digest, joined, part = found
        if part not in self._there:
            self._there[part] = has_part(self._store, part)
        return Version(bool(ended), digest, bool(joined), part) if self._there[part] else None

    def _keep(self, key: bytes, row: CanonicalRow, version: Version) -> None:
        if key in self._at:
            self._dropped.add(self._at.pop(key))
        elif key not in self._rows:
            self.spans += 1
        self._rows[key] = row
        self._versions[key] = version
        if len(self._rows) >= _ROWS_AT_ONCE:
            self._pack()

    def _pack(self) -> None:
        if self._rows or not self._tables:
            self._tables.append(table_of(list(self._rows.values())))
            self._at.update((key, at) for at, key in enumerate(self._rows, self._packed))
            self._packed += len(self._rows)
            self._rows.clear()


class _Messages(LogEvents):
    """The messages of a batch, as the mapping of spans asks for them; what came of the span asked for last."""

    joined: tuple[bytes, Version]

    def __init__(self, batch: Batch, store: Path) -> None:
        self._batch = batch
        self._store = store

    def join(self, span: RawSpan) -> None:
        """Add the messages of this batch, those that waited, and those that its earlier version was given."""
        key = span_key(span.trace_id, span.span_id)
        version = Version(span.end_ns is not None, _digest(span), joined=False)
        own = len(span.events)
        span.events.extend(self._batch.messages_of(key))
        earlier = self._batch.written(key)
        if earlier is not None and earlier.joined and earlier.ended and version.is_news_after(earlier):
            ids = span.trace_id, span.span_id
            before = earlier_spans(self._store, earlier.part, [ids]).get(ids)
            for event in before.events if before is not None else ():
                if event["name"].startswith("gen_ai.") and event not in span.events:
                    span.events.append(event)
        self.joined = key, version._replace(joined=len(span.events) > own)


def _digest(span: RawSpan) -> bytes:
    told = dumps((*span[:-4], span.resource_json, span.scope_name))
    return hashlib.blake2b(told.encode(), digest_size=16).digest()
