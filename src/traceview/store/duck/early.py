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
            selects = _from_groups(database, work, reader, groups, limit, token)
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
    database: Database,
    work: str,
    reader: Reader,
    groups: Sequence[_Group],
    limit: int,
    token: CancelToken | None,
) -> list[str]:
    """SELECTs of the spans of the newest traces out of the newest row groups, widening until there are enough."""
    ordered = sorted(groups, key=lambda group: group.high, reverse=True)
    wide = 1
    while True:
        found = " UNION ALL ".join(
            _located(group, back=number >= wide) for number, group in enumerate(ordered[: wide + _BACK])
        )
        database.execute(f"CREATE OR REPLACE TABLE {work}.seen AS {found}", token=token)
        database.execute(
            f"""CREATE OR REPLACE TABLE {work}.page AS
            SELECT trace_id, min(start_ns) AS low FROM {work}.seen WHERE NOT back GROUP BY trace_id
            ORDER BY low DESC NULLS LAST, trace_id LIMIT {int(limit)}""",
            token=token,
        )
        count = database.fetch(f"SELECT count(*) FROM {work}.page", token=token)[0][0]
        if count >= limit or wide >= len(ordered):
            break
        wide = min(len(ordered), wide * 3)
    ranges = database.fetch(
        f"""SELECT file_no, min(row_no), max(row_no) FROM {work}.seen
        WHERE trace_id IN (SELECT trace_id FROM {work}.page) GROUP BY file_no ORDER BY file_no""",
        token=token,
    )
    selects = []
    # one SELECT for each relation: planning a mapping takes longer than reading a page's rows
    for placed in reader.placed:
        last = placed.first_file + len(placed.files()) - 1
        mine = [one for one in ranges if placed.first_file <= one[0] <= last]
        if mine:
            files = [file_no for file_no, _, _ in mine]
            number = placed.number_in(files)
            where = (
                f"{placed.row_no} BETWEEN {min(low for _, low, _ in mine)} AND {max(high for *_, high in mine)} "
                f"AND {Reader.trace_id(placed, number)} IN (SELECT trace_id FROM {work}.page)"
            )
            selects.append(Reader.narrow(placed, placed.scan(files), where, number))
    return selects


def _located(group: _Group, *, back: bool) -> str:
    """SELECT of where the spans of a row group are: ids and times only, which are read and planned in no time."""
    placed = group.placed
    return (
        f"SELECT {Reader.trace_id(placed, str(group.file_no))} AS trace_id, "
        f"epoch_ns({placed.expression('start_time')}) AS start_ns, {group.file_no} AS file_no, "
        f"{placed.row_no} AS row_no, {back} AS back FROM {placed.scan([group.file_no])} "
        f"WHERE {placed.row_no} BETWEEN {group.first} AND {group.last}"
    )


def _from_roots(
    database: Database, work: str, reader: Reader, limit: int, token: CancelToken | None
) -> list[str]:
    """SELECTs of the spans of the newest traces of files in no order: the newest roots, then all of their spans."""
    found = " UNION ALL ".join(
        f"SELECT {Reader.trace_id(placed)} AS trace_id, epoch_ns({placed.expression('start_time')}) AS start_ns "
        f"FROM {placed.scan()} WHERE nullif({placed.expression('parent_id')}, '') IS NULL"
        for placed in reader.placed
    )
    database.execute(
        f"""CREATE TABLE {work}.page AS SELECT trace_id, max(start_ns) AS low FROM (
            SELECT * FROM ({found}) ORDER BY start_ns DESC NULLS LAST LIMIT {int(limit)}
        ) GROUP BY trace_id""",
        token=token,
    )
    return [select for _, select in reader.spans(f"SELECT trace_id FROM {work}.page")]
