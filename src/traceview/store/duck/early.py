"""The newest page of a large source before it has an index: only the newest row groups are read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from traceview.store.duck.build import Builder
from traceview.store.duck.connection import Database, text
from traceview.store.duck.indexes import Index
from traceview.store.duck.reading import Placed, Reader
from traceview.store.interface import CancelToken

_BACK = 1
"""How many row groups further back the spans of the page's traces are looked for."""


@dataclass(frozen=True, slots=True)
class _Group:
    placed: Placed
    file_no: int
    first: int
    last: int
    low: str
    high: str


def newest(database: Database, reader: Reader, limit: int, token: CancelToken | None = None) -> Index:
    """An index over the newest `limit` traces, incomplete by nature. Raises Cancelled, TraceviewError."""
    out, work = database.unique("early"), database.unique("work")
    database.execute(f"CREATE SCHEMA {out}", token=token)
    database.execute(f"CREATE SCHEMA {work}", token=token)
    try:
        groups = _groups(database, reader, token)
        if groups is not None and _in_order(groups):
            selects = _from_groups(database, work, groups, limit, token)
        else:
            selects = _from_roots(database, work, reader, limit, token)
        Builder(database, out, work, token=token).build(reader, selects)
    except BaseException:
        database.execute(f"DROP SCHEMA {out} CASCADE")
        raise
    finally:
        database.execute(f"DROP SCHEMA {work} CASCADE")
    return Index.plain(out, reader, complete=False)


def _groups(database: Database, reader: Reader, token: CancelToken | None) -> list[_Group] | None:
    """Every row group with its range of start times as text that sorts; None where the footers do not tell."""
    found: list[_Group] = []
    for placed in reader.placed:
        column = placed.relation.mapping.start_column
        if not placed.parquet or column is None:
            return None
        files = {str(path): placed.first_file + number for number, path in enumerate(placed.files())}
        listed = ", ".join(text(path) for path in files)
        rows = database.fetch(
            f"""SELECT file_name, row_group_id, row_group_num_rows, stats_min_value, stats_max_value
            FROM parquet_metadata([{listed}]) WHERE path_in_schema = ? ORDER BY file_name, row_group_id""",
            [column],
            token,
        )
        first, previous = 0, None
        for name, _, count, low, high in rows:
            first = 0 if name != previous else first
            previous = name
            if low is None or high is None or name not in files:
                return None
            found.append(
                _Group(placed, files[name], first, first + count - 1, _sortable(low), _sortable(high))
            )
            first += count
    return found or None


def _sortable(value: str) -> str:
    """A time or number from the statistics as text whose order is the order of time."""
    return value.zfill(24) if re.fullmatch(r"\d+", value) else value


def _in_order(groups: Sequence[_Group]) -> bool:
    """True if few row groups overlap, so that the newest of them hold the newest traces."""
    ordered = sorted(groups, key=lambda group: group.low)
    overlaps = sum(one.high > other.low for one, other in zip(ordered, ordered[2:], strict=False))
    return overlaps <= len(groups) // 4


def _from_groups(
    database: Database, work: str, groups: Sequence[_Group], limit: int, token: CancelToken | None
) -> list[str]:
    """SELECTs of the spans of the newest traces out of the newest row groups, widening until there are enough."""
    ordered = sorted(groups, key=lambda group: group.high, reverse=True)
    wide = 1
    while True:
        chosen = ordered[:wide]
        found = " UNION ALL ".join(f"SELECT trace_id, start_ns FROM ({_narrow(group)})" for group in chosen)
        database.execute(
            f"""CREATE OR REPLACE TABLE {work}.page AS
            SELECT trace_id, min(start_ns) AS low FROM ({found}) GROUP BY trace_id
            ORDER BY low DESC NULLS LAST, trace_id LIMIT {int(limit)}""",
            token=token,
        )
        count = database.fetch(f"SELECT count(*) FROM {work}.page", token=token)[0][0]
        if count >= limit or wide >= len(ordered):
            break
        wide = min(len(ordered), wide * 3)
    return [_narrow(group, f"SELECT trace_id FROM {work}.page") for group in ordered[: wide + _BACK]]


def _narrow(group: _Group, traces: str | None = None) -> str:
    where = f"file_row_number BETWEEN {group.first} AND {group.last}"
    if traces is not None:
        # beside the scan, so that the mapping's expressions are computed for the page's rows only
        where += f" AND {Reader.trace_id(group.placed, group.file_no)} IN ({traces})"
    return Reader.narrow(group.placed, group.placed.scan(group.file_no), where, group.file_no)


def _from_roots(
    database: Database, work: str, reader: Reader, limit: int, token: CancelToken | None
) -> list[str]:
    """SELECTs of the spans of the newest traces of files in no order: the newest roots, then all of their spans."""
    found = " UNION ALL ".join(
        f"SELECT trace_id, start_ns FROM ({select}) WHERE parent_id IS NULL" for _, select in reader.spans()
    )
    database.execute(
        f"""CREATE TABLE {work}.page AS SELECT trace_id, max(start_ns) AS low FROM (
            SELECT * FROM ({found}) ORDER BY start_ns DESC NULLS LAST LIMIT {int(limit)}
        ) GROUP BY trace_id""",
        token=token,
    )
    return [select for _, select in reader.spans(f"SELECT trace_id FROM {work}.page")]
