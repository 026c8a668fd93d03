"""The rules of every source where plain SQL is not exact: those traces go through `sources.rules`, one by one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

from traceview.sources.rules import SpanFacts, resolve
from traceview.store.duck.connection import Database
from traceview.store.duck.reading import Reader
from traceview.store.interface import CancelToken

_UNPAIRED = "p.prompt_name IS NULL AND p.prompt_version IS NULL"

PLAIN: dict[str, str] = {
    "duplicate_of": "NULL",
    "is_call": "p.kind IN ('llm', 'embedding')",
    "counted": "p.kind IN ('llm', 'embedding')",
    "input_tokens": "p.input_tokens",
    "output_tokens": "p.output_tokens",
    "cache_read_tokens": "p.cache_read_tokens",
    "cache_write_tokens": "p.cache_write_tokens",
    "reasoning_tokens": "p.reasoning_tokens",
    "cost_usd": "p.cost_usd",
    "thread_id": "coalesce(p.thread_id, f.one_thread)",
    "user_id": "coalesce(p.user_id, f.one_user)",
    "prompt_name": f"CASE WHEN {_UNPAIRED} THEN f.one_name ELSE p.prompt_name END",
    "prompt_version": f"CASE WHEN {_UNPAIRED} THEN f.one_version ELSE p.prompt_version END",
    "leaf_error": "p.status = 'error' AND l.span_no IS NULL",
}
"""What the rules set, in the order of ResolvedSpan, as SQL over a trace that is not hard (p: span, f: facts,
l: its failing child)."""

_TYPES: dict[str, str] = {
    "duplicate_of": "VARCHAR",
    "is_call": "BOOLEAN",
    "counted": "BOOLEAN",
    "cost_usd": "DOUBLE",
    "thread_id": "VARCHAR",
    "user_id": "VARCHAR",
    "prompt_name": "VARCHAR",
    "prompt_version": "VARCHAR",
    "leaf_error": "BOOLEAN",
    "trace_thread": "VARCHAR",
}
_COLUMNS = ("span_no", "trace_no", *PLAIN, "trace_thread")
_CONTENT = ("input_text", "output_text", "input", "output", "input_messages", "output_messages")
_BATCH = 20_000


def apply(database: Database, work: str, reader: Reader, token: CancelToken | None) -> None:
    """Fill the table `fixes` with a row for every span of the hard traces of the slice."""
    columns = ", ".join(f"{name} {_TYPES.get(name, 'BIGINT')}" for name in _COLUMNS)
    database.execute(f"CREATE TABLE {work}.fixes ({columns})", token=token)
    if not database.fetch(f"SELECT count(*) FROM {work}.facts WHERE hard", token=token)[0][0]:
        return
    _find_content(database, work, reader, token)
    pending: list[list[Any]] = [[] for _ in _COLUMNS]
    for trace_no, numbers, spans in _hard_traces(database, work, token):
        resolved = resolve(spans)
        for span_no, one in zip(numbers, resolved.spans, strict=True):
            values = (span_no, trace_no, *one[: len(PLAIN)], resolved.thread_id)
            for column, value in zip(pending, values, strict=True):
                column.append(value)
        if len(pending[0]) >= _BATCH:
            _insert(database, work, pending, token)
    _insert(database, work, pending, token)
    database.execute(f"DROP TABLE {work}.content", token=token)


def _hard_traces(
    database: Database, work: str, token: CancelToken | None
) -> Iterator[tuple[int, list[int], list[SpanFacts]]]:
    fields = [name if name != "has_content" else "c.span_no IS NOT NULL" for name in SpanFacts._fields]
    with database.cursor(token) as cursor:
        cursor.execute(
            f"""SELECT p.trace_no, p.span_no, {", ".join(fields)} FROM {work}.part p
            LEFT JOIN {work}.content c USING (span_no)
            WHERE p.trace_no IN (SELECT trace_no FROM {work}.facts WHERE hard) ORDER BY p.span_no"""
        )

        def rows() -> Iterator[tuple[Any, ...]]:
            while batch := cursor.fetchmany(2048):
                yield from batch

        for trace_no, trace in groupby(rows(), key=itemgetter(0)):
            found = list(trace)
            yield trace_no, [row[1] for row in found], [SpanFacts(*row[2:]) for row in found]


def _find_content(database: Database, work: str, reader: Reader, token: CancelToken | None) -> None:
    """Which model calls of hard traces carry an input or output: the richer span stands for a call."""
    database.execute(f"CREATE TABLE {work}.content (span_no BIGINT)", token=token)
    for placed in reader.placed:
        last = placed.first_file + len(placed.relation.files) - 1
        wanted = (
            f"SELECT span_no AS content_span, file_no AS content_file, row_no AS content_row FROM {work}.part "
            f"WHERE kind IN ('llm', 'embedding') AND file_no BETWEEN {placed.first_file} AND {last} "
            f"AND trace_no IN (SELECT trace_no FROM {work}.facts WHERE hard)"
        )
        low, high = database.fetch(f"SELECT min(content_row), max(content_row) FROM ({wanted})", token=token)[
            0
        ]
        written = [name for name in _CONTENT if name in placed.relation.mapping.expressions]
        if low is None or not written:
            continue
        there = " OR ".join(f"({placed.expression(name)}) IS NOT NULL" for name in written)
        database.execute(
            f"""INSERT INTO {work}.content SELECT content_span FROM {placed.scan()} JOIN ({wanted})
            ON {placed.row_no} = content_row AND {placed.file_no} = content_file
            WHERE {placed.row_no} BETWEEN {low} AND {high} AND ({there})""",
            token=token,
        )


def _insert(database: Database, work: str, pending: list[list[Any]], token: CancelToken | None) -> None:
    if pending[0]:
        values = ", ".join(f"unnest(?::{_TYPES.get(name, 'BIGINT')}[])" for name in _COLUMNS)
        database.execute(f"INSERT INTO {work}.fixes SELECT {values}", pending, token=token)
        for column in pending:
            column.clear()
