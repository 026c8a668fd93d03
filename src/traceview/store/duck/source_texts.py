"""The texts of a source, which stay in its files: payloads by file and row number."""

from __future__ import annotations

from collections.abc import Sequence

from traceview.model.errors import BadInput
from traceview.model.messages import SpanPayload
from traceview.model.schema import COLUMN_NAMES, COLUMNS
from traceview.store.duck.connection import Database, quote
from traceview.store.duck.reading import NARROW, Reader
from traceview.store.duck.resolving import PLAIN
from traceview.store.interface import CancelToken, Row

AS_READ = (
    frozenset(NARROW)
    - set(PLAIN)
    - {"trace_id", "span_id", "parent_id", "start_time", "end_time", "duration_ms"}
)
"""Columns of which the row of a span has what the source says: to work them out again costs more than its texts."""


def payloads(
    database: Database,
    reader: Reader,
    spans: Sequence[Row],
    token: CancelToken | None = None,
    *,
    raw: bool = True,
) -> tuple[SpanPayload, ...]:
    """The payloads of spans, read from the source by file and row number, in the order of the spans."""
    from traceview.sources.payload import PAYLOAD_COLUMNS, payload_of

    stored = _stored(database, reader, spans, COLUMN_NAMES if raw else PAYLOAD_COLUMNS, "{}", token)
    return tuple(payload_of(row, raw=raw) for row in stored)


def beginnings(
    database: Database,
    reader: Reader,
    spans: Sequence[Row],
    limit: int,
    token: CancelToken | None = None,
    *,
    raw: bool = True,
) -> tuple[tuple[SpanPayload, dict[str, int]], ...]:
    """As `payloads`, of texts over `limit` bytes only the first so many characters; and the bytes of those in all."""
    from traceview.sources.payload import PAYLOAD_COLUMNS, payload_of

    names = COLUMN_NAMES if raw else PAYLOAD_COLUMNS
    texts = [
        column.name
        for column in COLUMNS
        if column.payload and column.type == "VARCHAR" and column.name in names
    ]
    sizes = {name: f"{name} size" for name in texts}
    stored = _stored(
        database,
        reader,
        spans,
        names,
        f"left({{}}, {limit:d})",
        token,
        more=[(name, "strlen({})", sizes[name]) for name in texts],
        only=texts,
    )
    found = []
    for row in stored:
        bytes_of = {name: row.pop(sizes[name], None) for name in texts}
        cut = {
            name: size
            for name, size in bytes_of.items()
            if size is not None and size > limit and size > len(row[name].encode("utf-8", "replace"))
        }
        found.append((payload_of(row, raw=raw), cut))
    return tuple(found)


def whole_text(
    database: Database, reader: Reader, span: Row, column: str, token: CancelToken | None = None
) -> str | None:
    """One text of a span as it is stored, of any size."""
    value = _stored(database, reader, [span], ("trace_id", "span_id", column), "{}", token)[0][column]
    return None if value is None else str(value)


def _stored(
    database: Database,
    reader: Reader,
    spans: Sequence[Row],
    names: Sequence[str],
    form: str,
    token: CancelToken | None,
    *,
    more: Sequence[tuple[str, str, str]] = (),
    only: Sequence[str] | None = None,
) -> list[Row]:
    """Columns of spans as they are stored, in the order of the spans; `form` is what is made of each, or of `only`.

    `more` are further values: of which column, in which form, under which name.
    """
    known = [name for name in names if name in AS_READ and name in spans[0]]
    read = [name for name in names if name not in known]
    by_file: dict[int, list[int]] = {}
    for span in spans:
        by_file.setdefault(span["file_no"], []).append(span["row_no"])
    found: dict[tuple[int, int], Row] = {}
    for file_no, numbers in by_file.items():
        placed = reader.of_file(file_no)
        # To plan a column takes longer than to read it for a few spans.
        there = [name for name in read if placed.has(name)]
        inner = [f"{placed.row_no} AS payload_row"]
        inner += [f"{placed.expression(name)} AS {quote(name)}" for name in there]
        # What is made of a value names it again: it is worked out once, beneath.
        made = ["payload_row"]
        made += [
            f"{made_of.replace('{}', quote(name))} AS {quote(called)}"
            for name, made_of, called in (
                *((name, form if only is None or name in only else "{}", name) for name in there),
                *((name, size, called) for name, size, called in more if name in there),
            )
        ]
        ordered = sorted(set(numbers))
        for offset in range(0, len(ordered), 2048):
            wanted = ordered[offset : offset + 2048]
            for row in database.rows(
                f"SELECT {', '.join(made)} FROM (SELECT {', '.join(inner)} FROM {placed.scan([file_no])} "
                f"WHERE {placed.row_no} BETWEEN {wanted[0]} AND {wanted[-1]} "
                f"AND {placed.row_no} IN (SELECT unnest(?::BIGINT[])))",
                [wanted],
                token,
                large=True,
            ):
                found[(file_no, row.pop("payload_row"))] = row
    result = []
    for span in spans:
        stored: Row | None = found.get((span["file_no"], span["row_no"]))
        if stored is None or any(
            stored.get(name) is not None and stored[name] != span[name] for name in ("trace_id", "span_id")
        ):
            raise BadInput(
                f"span {span['span_id']} is no longer where it was in {reader.path(span['file_no'])}",
                hint="the file was rewritten: refresh, or open it again",
            )
        own = {name: span[name] for name in ("trace_id", "span_id", *known)}
        result.append({**dict.fromkeys(names), **stored, **own})
    return result
