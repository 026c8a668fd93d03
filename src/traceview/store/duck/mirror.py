"""Current scores beside the index: the label store's rows and those that a source brings, in one table."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from traceview.model.labels import LabelRow, ScoreSource, Target, TargetKind
from traceview.model.span_rows import SpanRows
from traceview.store.duck.connection import Database
from traceview.store.interface import CancelToken, Level, Row

TABLE = "memory.main.scores"

_TYPES = (
    ("target_kind", "VARCHAR"), ("trace_id", "VARCHAR"), ("target_id", "VARCHAR"), ("name", "VARCHAR"),
    ("source", "VARCHAR"), ("annotator", "VARCHAR"), ("value", "VARCHAR"), ("json", "VARCHAR"), ("number", "DOUBLE"),
    ("items", "VARCHAR[]"), ("bad", "BOOLEAN"), ("reason", "VARCHAR"), ("blind", "BOOLEAN"), ("session", "VARCHAR"),
    ("definition_hash", "VARCHAR"), ("created_at", "VARCHAR"), ("key", "VARCHAR"),
    ("brought", "BOOLEAN"),
)  # fmt: skip

_KEY = tuple[Target, str, ScoreSource, str]


class Changes(Protocol):
    """What changed among the current rows since a sequence number."""

    @property
    def last_seq(self) -> int:
        """The number to ask from the next time."""
        ...

    @property
    def rows(self) -> tuple[LabelRow, ...]:
        """Rows that are current now."""
        ...

    @property
    def gone(self) -> tuple[_KEY, ...]:
        """Keys without a current row any more."""
        ...


class LabelRows(Protocol):
    """What the engine asks of a label store."""

    def data_version(self) -> int:
        """A number that changes whenever anyone committed."""
        ...

    def current_changes(self, seq: int) -> Changes:
        """The current state of every key that rows after `seq` touch; 0 gives all."""
        ...


class Mirror:
    """The table of current scores, kept up to date by `refresh`."""

    def __init__(self, database: Database, labels: LabelRows | None) -> None:
        self._database = database
        self._labels = labels
        self._lock = threading.Lock()
        self._seq = 0
        self._version: int | None = None
        self._filled = False
        """Whether there has been a score: without one nobody has to ask."""
        columns = ", ".join(f"{name} {kind}" for name, kind in _TYPES)
        database.execute(f"CREATE TABLE {TABLE} ({columns})")

    def refresh(self) -> bool:
        """Take up what was committed since; True if anything changed."""
        if self._labels is None:
            return False
        with self._lock:
            version = self._labels.data_version()
            if version == self._version:
                return False
            changes = self._labels.current_changes(self._seq)
            rows = [_row(row) for row in changes.rows]
            keys = [row[-2] for row in rows] + [_key(*gone) for gone in changes.gone]
            if keys:
                with self._database.cursor() as cursor:
                    cursor.execute("BEGIN")
                    if self._seq:
                        cursor.execute(
                            f"DELETE FROM {TABLE} WHERE NOT brought AND key IN (SELECT unnest(?::VARCHAR[]))",
                            [keys],
                        )
                    self._insert(cursor, rows)
                    cursor.execute("COMMIT")
            self._seq = changes.last_seq
            self._version = version
            return bool(keys)

    def replace_imported(self, rows: Iterable[LabelRow]) -> int:
        """Put in the scores that the source itself brings, in place of those it brought before.

        Of those of one key the newest counts, the last if they are of one time; returns how many were left out.
        """
        found, repeated = _newest(rows)
        with self._lock, self._database.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(f"DELETE FROM {TABLE} WHERE brought")
            self._insert(cursor, found)
            cursor.execute("COMMIT")
        return repeated

    def add_imported(self, rows: Iterable[LabelRow]) -> None:
        """Put in scores that new files of the source bring, in place of those of the same key."""
        found, _ = _newest(rows)
        if not found:
            return
        with self._lock, self._database.cursor() as cursor:
            cursor.execute("BEGIN")
            keys = [row[-2] for row in found]
            cursor.execute(
                f"DELETE FROM {TABLE} WHERE brought AND key IN (SELECT unnest(?::VARCHAR[]))", [keys]
            )
            self._insert(cursor, found)
            cursor.execute("COMMIT")

    def brought(
        self,
        name: str | None = None,
        targets: Sequence[Target] | None = None,
        token: CancelToken | None = None,
    ) -> list[LabelRow]:
        """The scores that the source itself brings, the oldest first; of this name and these targets alone if given."""
        wanted = ""
        values: list[Any] = []
        if name is not None:
            wanted, values = " AND name = ?", [name]
        if targets is not None:
            wanted += " AND target_id IN (SELECT unnest(?::VARCHAR[]))"
            values.append([target.id for target in targets])
        found = [
            LabelRow(
                id="",
                target=Target(kind, target_id, None if kind == "thread" else trace_id),
                name=named,
                value=json.loads(value),
                source=source,
                annotator=annotator,
                created_at=created_at,
                reason=reason,
            )
            for kind, target_id, trace_id, named, value, source, annotator, created_at, reason in self._database.fetch(
                "SELECT target_kind, target_id, trace_id, name, json, source, annotator, created_at, reason "
                f"FROM {TABLE} WHERE brought{wanted} ORDER BY created_at, target_id, name, annotator",
                values,
                token,
            )
        ]
        # an id may be that of a trace and of a thread, or of spans of several traces
        asked = None if targets is None else {_place(target) for target in targets}
        return [row for row in found if asked is None or _place(row.target) in asked]

    def counts_brought(
        self, token: CancelToken | None = None
    ) -> tuple[tuple[str, str, str, int, TargetKind], ...]:
        """What the source brings: name, source, how it was given (human, llm, code, ...), how many, and on what."""
        if not self._filled:
            return ()
        return tuple(
            self._database.fetch(
                f"""SELECT name, source, CASE WHEN source = 'import' THEN split_part(annotator, ':', 1) ELSE source END,
                    count(*), target_kind FROM {TABLE} WHERE brought GROUP BY ALL ORDER BY 1, 2, 3, 5""",
                token=token,
            )
        )

    def attach(self, level: Level, rows: Sequence[Row], token: CancelToken | None = None) -> None:
        """Give every row its `scores`: {name: {source: {annotator: value}}}."""
        column = {"traces": "trace_id", "threads": "thread_id", "spans": "span_id"}[level]
        traces = [row["trace_id"] for row in rows] if level == "spans" else [None] * len(rows)
        found = self._scores(level, traces, [row[column] for row in rows], token)
        for place, row in enumerate(rows):
            row["scores"] = found.get(place, {})

    def attached(self, several: Sequence[SpanRows], token: CancelToken | None = None) -> list[SpanRows]:
        """The spans of each of several traces with their `scores`, as `attach` gives them."""
        traces = [one for spans in several for one in spans.column("trace_id")]
        found = self._scores(
            "spans", traces, [one for spans in several for one in spans.column("span_id")], token
        )
        none: dict[str, Any] = {}
        scores = [found.get(place, none) for place in range(len(traces))] if found else [none] * len(traces)
        result, begin = [], 0
        for spans in several:
            result.append(spans.with_column("scores", scores[begin : begin + len(spans)]))
            begin += len(spans)
        return result

    def _scores(
        self, level: Level, traces: Sequence[str | None], ids: Sequence[str], token: CancelToken | None
    ) -> dict[int, dict[str, Any]]:
        """The scores of some targets by their place; `traces` are those that spans belong to, None for others."""
        if not self._filled:
            return {}
        # The spans of a trace are many: their scores are few, and found by the trace.
        where, values = ("trace_id", set(traces)) if level == "spans" else ("target_id", set(ids))
        found = self._database.fetch(
            f"SELECT trace_id, target_id, name, source, annotator, json FROM {TABLE} "
            f"WHERE target_kind = ? AND {where} IN (SELECT unnest(?::VARCHAR[])) ORDER BY created_at",
            [level[:-1], list(values)],
            token,
        )
        if not found:
            return {}
        by_id: dict[tuple[str | None, str], dict[str, Any]] = {}
        for trace_id, target_id, name, source, annotator, value in found:
            scores = by_id.setdefault((trace_id if level == "spans" else None, target_id), {})
            scores.setdefault(name, {}).setdefault(source, {})[annotator] = json.loads(value)
        keys = enumerate(zip(traces, ids, strict=True))
        return {place: by_id[key] for place, key in keys if key in by_id}

    def _insert(self, cursor: Any, rows: Sequence[Sequence[Any]]) -> None:
        """Put rows into the table, which are there for others once they are committed."""
        values = ", ".join(f"unnest(?::{kind}[])" for _, kind in _TYPES)
        for offset in range(0, len(rows), 10_000):
            self._filled = True
            some = zip(*rows[offset : offset + 10_000], strict=True)
            cursor.execute(f"INSERT INTO {TABLE} SELECT {values}", [list(column) for column in some])


def _newest(rows: Iterable[LabelRow]) -> tuple[list[tuple[Any, ...]], int]:
    """The newest brought score of every key as a row of the table, and how many others there were."""
    newest: dict[str, LabelRow] = {}
    count = 0
    for row in rows:
        count += 1
        key = _key(row.target, row.name, row.source, row.annotator)
        before = newest.get(key)
        if before is None or row.created_at >= before.created_at:
            newest[key] = row
    return [(*_row(row)[:-1], True) for row in newest.values()], count - len(newest)


def _key(target: Target, name: str, source: str, annotator: str) -> str:
    return "\x1f".join((_place(target), name, source, annotator))


def _place(target: Target) -> str:
    trace_id = target.id if target.kind == "trace" else target.trace_id or ""
    return "\x1f".join((target.kind, trace_id, target.id))


def _row(row: LabelRow) -> tuple[Any, ...]:
    value = row.value
    items: list[str]
    if isinstance(value, bool):
        items = ["true", "pass", "yes"] if value else ["false", "fail", "no"]
    elif isinstance(value, tuple):
        items = list(value)
    elif value is None:
        items = []
    else:
        items = [_plain(value)]
    number = float(value) if isinstance(value, bool | int | float) else None
    shown = ", ".join(items) if isinstance(value, tuple) else items[0] if items else None
    return (
        row.target.kind,
        row.target.trace_id if row.target.kind != "trace" else row.target.id,
        row.target.id,
        row.name,
        row.source,
        row.annotator,
        shown,
        json.dumps(value, ensure_ascii=False),
        number,
        items,
        value is False,
        row.reason,
        row.blind,
        row.session,
        row.definition_hash,
        row.created_at,
        _key(row.target, row.name, row.source, row.annotator),
        False,
    )


def _plain(value: int | float | str) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
