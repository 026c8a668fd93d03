"""Values of many ids at once: attributes of spans, the durations of a thread's traces, the threads of traces.

The attributes of a page whose spans stand close together are read from there. Where they do not, or where a list is
sorted by an attribute, its values of the whole source are read once and kept in a table.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from traceview.model.errors import BadInput
from traceview.store.duck import attributes
from traceview.store.duck.connection import Database
from traceview.store.duck.indexes import ID, Index
from traceview.store.interface import CancelToken, Level, Row, SortKey

ATTRIBUTE = "attr."
TURNS = "turn_ms"
THREAD = "thread_id"
VALUES_KEPT = 5
"""Different values of an attribute that a trace or thread shows."""
_TABLES_KEPT = 8
_NEAR_ROWS = 60_000
"""Rows of the source that are read for one page before a table of the whole source is worth it."""


class Extra:
    """Answers from an index and its source; knows the tables of attributes that were made."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._tables: OrderedDict[tuple[str, str], str] = OrderedDict()

    def values(
        self,
        index: Index,
        level: Level,
        ids: Sequence[str],
        fields: Sequence[str],
        token: CancelToken | None = None,
    ) -> tuple[Row, ...]:
        """The fields of traces or threads in the order of their ids. Raises BadInput for an unknown field."""
        if level == "spans":
            raise BadInput("lists of spans show no attributes", hint="a span's payload has them")
        found: dict[str, Row] = {one: {} for one in ids}
        for field in fields:
            if field == TURNS and level == "threads":
                by_id: Mapping[str, Any] = self._turns(index, ids, token)
            elif field == THREAD and level == "traces":
                by_id = self._threads(index, ids, token)
            elif field.startswith(ATTRIBUTE):
                by_id = self._attribute(index, level, ids, field.removeprefix(ATTRIBUTE), token)
            else:
                raise BadInput(f"{level} have no field {field!r}", hint="attr.KEY is an attribute of spans")
            for one, row in found.items():
                row[field] = by_id.get(one, None if field == THREAD else ())
        return tuple(found[one] for one in ids)

    def tables(
        self, index: Index, sort: Sequence[SortKey], token: CancelToken | None = None
    ) -> dict[str, str]:
        """The tables of the attributes that a list is sorted by: key to table of (trace_no, v, list of values)."""
        keys = [key.field.removeprefix(ATTRIBUTE) for key in sort if key.field.startswith(ATTRIBUTE)]
        return {key: self._table(index, key, token) for key in keys}

    def _turns(self, index: Index, ids: Sequence[str], token: CancelToken | None) -> dict[str, Any]:
        return {
            one: tuple(durations)
            for one, durations in self._database.fetch(
                f"SELECT thread_id, list(duration_ms ORDER BY start_ns NULLS FIRST, trace_no) FROM {index.traces} "
                "WHERE thread_id IN (SELECT unnest(?::VARCHAR[])) GROUP BY thread_id",
                [list(ids)],
                token,
            )
        }

    def _threads(self, index: Index, ids: Sequence[str], token: CancelToken | None) -> dict[str, Any]:
        return dict(
            self._database.fetch(
                f"SELECT trace_id, thread_id FROM {index.traces} WHERE trace_id IN (SELECT unnest(?::VARCHAR[]))",
                [list(ids)],
                token,
            )
        )

    def _attribute(
        self, index: Index, level: Level, ids: Sequence[str], key: str, token: CancelToken | None
    ) -> dict[str, Any]:
        table = self._tables.get((index.spans, key))
        if table is None:
            ranges = self._ranges(index, level, ids, token)
            if sum(high - low + 1 for low, high in ranges.values()) > _NEAR_ROWS:
                table = self._table(index, key, token)
            else:
                table = f"({_listed(attributes.values(index, key, ranges))})"
        found: dict[str, dict[str, None]] = {}
        for one, listed in self._database.fetch(
            f"SELECT t.{ID[level]}, a.v FROM {table} a JOIN {index.traces} t USING (trace_no) "
            f"WHERE t.{ID[level]} IN (SELECT unnest(?::VARCHAR[])) ORDER BY t.start_ns NULLS FIRST, t.trace_no",
            [list(ids)],
            token,
        ):
            found.setdefault(one, {}).update(dict.fromkeys(listed))
        return {one: tuple(listed)[:VALUES_KEPT] for one, listed in found.items()}

    def _ranges(
        self, index: Index, level: Level, ids: Sequence[str], token: CancelToken | None
    ) -> dict[int, tuple[int, int]]:
        """Between which rows of which files the spans of traces or threads stand."""
        return {
            file_no: (first, last)
            for file_no, first, last in self._database.fetch(
                f"SELECT file_no, min(row_no), max(row_no) FROM {index.spans} WHERE trace_no IN (SELECT trace_no "
                f"FROM {index.traces} WHERE {ID[level]} IN (SELECT unnest(?::VARCHAR[]))) GROUP BY file_no",
                [list(ids)],
                token,
            )
        }

    def _table(self, index: Index, key: str, token: CancelToken | None) -> str:
        """The table of an attribute's values in the whole source, made when it is first needed."""
        name = (index.spans, key)
        with self._lock:
            if name not in self._tables:
                table = self._database.unique("memory.main.attribute")
                self._database.execute(
                    f"CREATE TABLE {table} AS {_listed(attributes.values(index, key))}", token=token
                )
                self._tables[name] = table
            self._tables.move_to_end(name)
            while len(self._tables) > _TABLES_KEPT:
                self._database.execute(f"DROP TABLE {self._tables.popitem(last=False)[1]}")
            return self._tables[name]


def _listed(values: str) -> str:
    """SELECT of one row a trace: its different values in the order of its spans."""
    return (
        f"SELECT trace_no, list(v ORDER BY first)[:{VALUES_KEPT}] AS v FROM "
        f"(SELECT trace_no, v, min(span_no) AS first FROM ({values}) GROUP BY trace_no, v) GROUP BY trace_no"
    )
