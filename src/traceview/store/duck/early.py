"""The newest page of a large source before it has an index: only the newest row groups are read."""

from __future__ import annotations

from collections.abc import Sequence

from traceview.store.duck.build import Builder
from traceview.store.duck.connection import Database
from traceview.store.duck.indexes import Index
from traceview.store.duck.reading import Reader
from traceview.store.duck.row_groups import RowGroup, in_order, newest_first
from traceview.store.interface import CancelToken

_BACK = 1
"""How many row groups further back the spans of the page's traces are looked for."""


def newest(database: Database, reader: Reader, limit: int, token: CancelToken | None = None) -> Index:
    """An index over the newest `limit` traces, incomplete by nature. Raises Cancelled, TraceviewError."""
    out, work = database.unique("early"), database.unique("work")
    database.execute(f"CREATE SCHEMA {out}", token=token)
    database.execute(f"CREATE SCHEMA {work}", token=token)
    try:
        groups = newest_first(database, reader, token)
        if groups and in_order(groups):
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


def _from_groups(
    database: Database,
    work: str,
    reader: Reader,
    groups: Sequence[RowGroup],
    limit: int,
    token: CancelToken | None,
) -> list[str]:
    """SELECTs of the spans of the newest traces out of the newest row groups, widening until there are enough."""
    wide = 1
    while True:
        found = " UNION ALL ".join(
            _located(group, back=number >= wide) for number, group in enumerate(groups[: wide + _BACK])
        )
        database.execute(f"CREATE OR REPLACE TABLE {work}.seen AS {found}", token=token)
        database.execute(
            f"""CREATE OR REPLACE TABLE {work}.page AS
            SELECT trace_id, min(start_ns) AS low FROM {work}.seen WHERE NOT back GROUP BY trace_id
            ORDER BY low DESC NULLS LAST, trace_id LIMIT {int(limit)}""",
            token=token,
        )
        count = database.fetch(f"SELECT count(*) FROM {work}.page", token=token)[0][0]
        if count >= limit or wide >= len(groups):
            break
        wide = min(len(groups), wide * 3)
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


def _located(group: RowGroup, *, back: bool) -> str:
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
