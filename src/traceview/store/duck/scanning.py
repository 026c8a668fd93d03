"""One trace or thread looked up in the source itself, before an index knows where its spans are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from traceview.model.labels import Target
from traceview.store.duck.build import Builder
from traceview.store.duck.connection import Database
from traceview.store.duck.indexes import Index
from traceview.store.duck.reading import Placed, Reader
from traceview.store.interface import CancelToken

Test = Callable[[Placed], str]


@contextmanager
def trace_index(
    database: Database, reader: Reader, trace_ids: Sequence[str], token: CancelToken | None = None
) -> Iterator[Index | None]:
    """A small index of some traces while the block runs, None if no file has any. Raises Cancelled, TraceviewError."""
    with _work(database, token) as work:
        _locate(
            database,
            work,
            reader,
            lambda placed: f"{Reader.trace_id(placed)} IN (SELECT unnest($wanted::VARCHAR[]))",
            list(trace_ids),
            token,
        )
        yield _built(database, work, reader, token)


@contextmanager
def thread_index(
    database: Database, reader: Reader, thread_id: str, token: CancelToken | None = None
) -> Iterator[Index | None]:
    """A small index of the traces of one thread while the block runs, None if no file has it."""
    with _work(database, token) as work:
        found = " UNION ".join(
            f"SELECT {Reader.trace_id(placed)} AS trace_id FROM {placed.scan()} "
            f"WHERE {placed.expression('thread_id')} = $wanted"
            for placed in reader.placed
        )
        database.execute(f"CREATE TABLE {work}.traces_of AS {found}", {"wanted": thread_id}, token)
        _locate(
            database,
            work,
            reader,
            lambda placed: f"{Reader.trace_id(placed)} IN (SELECT trace_id FROM {work}.traces_of)",
            None,
            token,
        )
        database.execute(f"DROP TABLE {work}.traces_of", token=token)
        yield _built(database, work, reader, token)


def selects_of(
    database: Database, reader: Reader, located: str, token: CancelToken | None = None
) -> list[str]:
    """SELECTs of the index's columns of the spans whose places (file_no, row_no) stand in the table `located`."""
    ranges = database.fetch(
        f"SELECT file_no, min(row_no), max(row_no) FROM {located} GROUP BY file_no ORDER BY file_no",
        token=token,
    )
    selects = []
    for placed in reader.placed:
        last = placed.first_file + len(placed.files()) - 1
        mine = [one for one in ranges if placed.first_file <= one[0] <= last]
        if not mine:
            continue
        files = [file_no for file_no, _, _ in mine]
        number = placed.number_in(files)
        bounds = f"BETWEEN {min(low for _, low, _ in mine)} AND {max(high for *_, high in mine)}"
        place = f"(CAST({number} AS INTEGER), CAST({placed.row_no} AS BIGINT))"
        where = f"{placed.row_no} {bounds} AND {place} IN (SELECT (file_no, row_no) FROM {located})"
        selects.append(Reader.narrow(placed, placed.scan(files), where, number))
    return selects


def resolve(
    database: Database, reader: Reader, wanted: str, token: CancelToken | None = None
) -> list[Target]:
    """At most six spans, traces and threads with this id, else with this prefix."""
    for test in ("{0} = $wanted", "starts_with({0}, $wanted)"):
        selects = []
        for placed in reader.placed:
            trace, span, thread = (
                Reader.trace_id(placed),
                placed.expression("span_id"),
                placed.expression("thread_id"),
            )
            selects += [
                f"SELECT 'trace' AS kind, {trace} AS id, {trace} AS of FROM {placed.scan()} WHERE {test.format(trace)}",
                f"SELECT 'thread', {thread}, NULL FROM {placed.scan()} WHERE {test.format(thread)}",
                f"SELECT 'span', {span}, {trace} FROM {placed.scan()} WHERE {test.format(span)}",
            ]
        found = database.fetch(
            f"SELECT DISTINCT * FROM ({' UNION ALL '.join(selects)}) LIMIT 6", {"wanted": wanted}, token
        )
        if found:
            return [Target(kind, id, trace_id) for kind, id, trace_id in found]
    return []


@contextmanager
def _work(database: Database, token: CancelToken | None) -> Iterator[str]:
    work = database.unique("scan")
    for schema in (work, f"{work}_out"):
        database.execute(f"CREATE SCHEMA {schema}", token=token)
    try:
        yield work
    finally:
        for schema in (work, f"{work}_out"):
            database.execute(f"DROP SCHEMA {schema} CASCADE")


def _locate(
    database: Database,
    work: str,
    reader: Reader,
    test: Test,
    wanted: Sequence[str] | None,
    token: CancelToken | None,
) -> None:
    """Fill the table `located`: only the columns of the test are read."""
    found = " UNION ALL ".join(
        f"SELECT CAST({placed.file_no} AS INTEGER) AS file_no, CAST({placed.row_no} AS BIGINT) AS row_no "
        f"FROM {placed.scan()} WHERE {test(placed)}"
        for placed in reader.placed
    )
    parameters = {} if wanted is None else {"wanted": wanted}
    database.execute(f"CREATE TABLE {work}.located AS {found}", parameters, token)


def _built(database: Database, work: str, reader: Reader, token: CancelToken | None) -> Index | None:
    selects = selects_of(database, reader, f"{work}.located", token)
    if not selects:
        return None
    out = f"{work}_out"
    Builder(database, out, work, token=token).build(reader, selects)
    return Index.plain(out, reader, complete=True)
