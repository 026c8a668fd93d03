"""Spans that arrive later: the traces they touch are built anew beside the index, whose rows stay as they are.

An index that grew is made of segments, tables of their own with numbers of their own, under views that leave out
the rows that a later segment has. Small segments are merged as they come, so that there are never many; older
generations keep theirs, and large ones lie in a file that is removed at the end.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from traceview.store.duck import prompts, schema
from traceview.store.duck.build import Builder, Built
from traceview.store.duck.connection import Database
from traceview.store.duck.indexes import Index, Segment
from traceview.store.duck.reading import Reader
from traceview.store.duck.retelling import retell
from traceview.store.duck.scanning import selects_of
from traceview.store.duck.summing import IN_TIME, threads_of
from traceview.store.interface import CancelToken

_IN_MEMORY_SPANS = 20_000
"""A segment with more spans lies in the scratch file."""

_MERGED_SPANS = 500_000
"""Segments are not merged into one with more spans than this: copying it would take seconds."""

_TABLES = (("spans", "trace_no"), ("traces", "trace_no"), ("threads", "thread_no"))


class _Measured(Struct, frozen=True):
    """A segment with the numbers it may hold: the first and the last trace and thread, and how many spans."""

    segment: Segment
    spans: int
    traces: tuple[int, int]
    threads: tuple[int, int]


def extend(
    database: Database,
    index: Index | None,
    reader: Reader,
    arrived: Reader,
    token: CancelToken | None = None,
    *,
    complete: bool,
) -> tuple[Index, Built]:
    """The index with the spans of the files of `arrived` too; the given one stays as it is.

    `reader` reads all files, those of `index` under the numbers they have there. Also gives what was built: the
    traces that have a span in the new files, whole. Raises Cancelled, TraceviewError.
    """
    work, out, views = (database.unique(prefix) for prefix in ("work", "segment", "grown"))
    made = [work, out, views]
    try:
        for name in made:
            database.execute(f"CREATE SCHEMA {name}", token=token)
        for number, (_, select) in enumerate(arrived.spans()):
            head = f"INSERT INTO {work}.arrived" if number else f"CREATE TABLE {work}.arrived AS"
            database.execute(f"{head} {select}", token=token)
        before = [_measured(database, one) for one in index.segments] if index is not None else []
        selects = [f"SELECT * FROM {work}.arrived"]
        if index is not None:
            selects += _touched(database, index, reader, work, token)
        built = Builder(
            database,
            out,
            work,
            token=token,
            first_trace=1 + max((one.traces[1] for one in before), default=-1),
            first_span=_next_span(database, before),
        ).build(reader, selects, infer="texts" if complete and index is not None else None)
        for statement in (schema.FACTS, *schema.PROMPTS):
            database.execute(statement.format(out=views), token=token)
        others = (
            prompts.extend(database, views, out, index.prompts, index.spans, token)
            if complete and index is not None
            else False
        )
        _gone(database, index, work, out, views, token)
        _threads(database, index, before, work, out, views, token)
        segments = [*before, _measured(database, Segment(out))]
        if others:
            segments = [_told_anew(database, views, segments, made, work)]
        else:
            segments = _merged(database, segments, views, made, token)
        _views(database, views, segments)
    except BaseException:
        for name in made:
            database.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE")
        raise
    database.execute(f"DROP SCHEMA {work} CASCADE")
    kept = tuple(one.segment for one in segments)
    if all(one.name != out for one in kept):
        database.execute(f"DROP SCHEMA {out} CASCADE")
    return Index.grown(views, reader, kept, complete=complete), built


def _measured(database: Database, segment: Segment) -> _Measured:
    name = segment.name
    traces, threads = (
        database.fetch(f"SELECT coalesce(min({no}), 0), coalesce(max({no}), -1) FROM {name}.{table}")[0]
        for table, no in _TABLES[1:]
    )
    spans = database.fetch(f"SELECT count(*) FROM {name}.spans")[0][0]
    return _Measured(segment, spans, traces, threads)


def _next_span(database: Database, segments: Sequence[_Measured]) -> int:
    return 1 + max(
        (
            database.fetch(f"SELECT coalesce(max(span_no), -1) FROM {one.segment.name}.spans")[0][0]
            for one in segments
        ),
        default=-1,
    )


def _touched(
    database: Database, index: Index, reader: Reader, work: str, token: CancelToken | None
) -> list[str]:
    """Note the traces of the index that the new spans belong to; SELECTs of the spans they had so far."""
    for statement in (
        f"CREATE TABLE {work}.old AS SELECT trace_no, thread_id FROM {index.traces} "
        f"WHERE trace_id IN (SELECT trace_id FROM {work}.arrived)",
        f"CREATE TABLE {work}.located AS SELECT file_no, row_no FROM {index.spans} "
        f"WHERE trace_no IN (SELECT trace_no FROM {work}.old)",
    ):
        database.execute(statement, token=token)
    return selects_of(database, reader, f"{work}.located", token)


def _told_anew(
    database: Database, views: str, segments: Sequence[_Measured], made: list[str], work: str
) -> _Measured:
    """One segment with everything in the index, with the versions of prompts that are told now."""
    _views(database, views, segments)
    name = database.unique("segment")
    if sum(one.spans for one in segments) > _IN_MEMORY_SPANS:
        name = f"{database.scratch()}.{name}"
    database.execute(f"CREATE SCHEMA {name}")
    made.append(name)
    retell(database, views, name, work, infer=False)
    for kind in ("traces", "threads"):
        database.execute(f"DELETE FROM {views}.gone_{kind}")
    return _measured(database, Segment(name))


def _gone(
    database: Database, index: Index | None, work: str, out: str, views: str, token: CancelToken | None
) -> None:
    """Note the numbers of the rows that the new segment has in place of older ones."""
    touched = f"SELECT thread_id FROM {out}.traces"
    earlier = {
        "traces": "SELECT NULL::BIGINT AS no WHERE false",
        "threads": "SELECT NULL::BIGINT AS no WHERE false",
    }
    if index is not None:
        touched += f" UNION SELECT thread_id FROM {work}.old"
        if index.gone is not None:
            earlier = {table: f"SELECT no FROM {index.gone}.gone_{table}" for table in earlier}
        earlier["traces"] += f" UNION ALL SELECT trace_no FROM {work}.old"
        earlier["threads"] += (
            f" UNION ALL SELECT thread_no FROM {index.threads} "
            f"WHERE thread_id IN (SELECT thread_id FROM {work}.touched)"
        )
    database.execute(
        f"CREATE TABLE {work}.touched AS SELECT DISTINCT thread_id FROM ({touched}) WHERE thread_id IS NOT NULL",
        token=token,
    )
    for table, select in earlier.items():
        database.execute(f"CREATE TABLE {views}.gone_{table} AS {select}", token=token)


def _threads(
    database: Database,
    index: Index | None,
    before: Sequence[_Measured],
    work: str,
    out: str,
    views: str,
    token: CancelToken | None,
) -> None:
    """Sum up the touched threads over the traces of all segments."""
    if index is None:
        return
    database.execute(f"DELETE FROM {out}.threads", token=token)
    segments = [*before, _measured(database, Segment(out))]
    _views(database, views, segments)
    first = 1 + max((one.threads[1] for one in before), default=-1)
    where = f"thread_id IN (SELECT thread_id FROM {work}.touched)"
    database.execute(
        f"INSERT INTO {out}.threads {threads_of(f'{views}.traces', first, where, IN_TIME)}", token=token
    )


def _views(database: Database, views: str, segments: Sequence[_Measured]) -> None:
    """Define the tables of the index over its segments."""
    for table, number in _TABLES:
        selects = [_select(database, views, table, number, one) for one in segments]
        database.execute(f"CREATE OR REPLACE VIEW {views}.{table} AS {' UNION ALL '.join(selects)}")


def _select(database: Database, views: str, table: str, number: str, one: _Measured) -> str:
    """SELECT of the rows of a segment that no later one replaces."""
    kind = "threads" if table == "threads" else "traces"
    low, high = one.threads if kind == "threads" else one.traces
    gone = f"SELECT no FROM {views}.gone_{kind} WHERE no BETWEEN {low} AND {high}"
    # most segments are whole: they need no join
    if not database.fetch(f"SELECT count(*) FROM ({gone})")[0][0]:
        return f"SELECT * FROM {one.segment.name}.{table}"
    return f"SELECT t.* FROM {one.segment.name}.{table} t ANTI JOIN ({gone}) g ON t.{number} = g.no"


def _merged(
    database: Database, segments: list[_Measured], views: str, made: list[str], token: CancelToken | None
) -> list[_Measured]:
    """The segments with the small ones at the end put into one, so that their number grows with the logarithm."""
    first = len(segments) - 1
    spans = segments[-1].spans
    while (
        first > 0
        and segments[first - 1].segment.file is None
        and segments[first - 1].spans <= 2 * spans
        and segments[first - 1].spans + spans <= _MERGED_SPANS
    ):
        first -= 1
        spans += segments[first].spans
    large = spans > _IN_MEMORY_SPANS
    if first == len(segments) - 1 and not large:
        return segments
    name = database.unique("segment")
    if large:
        name = f"{database.scratch()}.{name}"
    database.execute(f"CREATE SCHEMA {name}", token=token)
    made.append(name)
    for statement in schema.create(name):
        database.execute(statement, token=token)
    for table, number in _TABLES:
        rows = " UNION ALL ".join(_select(database, views, table, number, one) for one in segments[first:])
        database.execute(f"INSERT INTO {name}.{table} {rows}", token=token)
    merged = _measured(database, Segment(name))
    for kind, low in (("traces", segments[first].traces[0]), ("threads", segments[first].threads[0])):
        database.execute(f"DELETE FROM {views}.gone_{kind} WHERE no >= {low}", token=token)
    return [*segments[:first], merged]
