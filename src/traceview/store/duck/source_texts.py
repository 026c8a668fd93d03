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
    database: Database, reader: Reader, spans: Sequence[Row], token: CancelToken | None = None
) -> tuple[SpanPayload, ...]:
    """The payloads of spans, read from the source by file and row number, in the order of the spans."""
    from traceview.sources.payload import payload_of

    stored = _stored(database, reader, spans, COLUMN_NAMES, "{}", token)
    return tuple(payload_of(row) for row in stored)


def beginnings(
    database: Database, reader: Reader, spans: Sequence[Row], limit: int, token: CancelToken | None = None
) -> tuple[tuple[SpanPayload, dict[str, int]], ...]:
    """As `payloads`, of texts over `limit` bytes only the first so many characters; and the bytes of those in all."""
    from traceview.sources.payload import payload_of

    texts = [column.name for column in COLUMNS if column.payload and column.type == "VARCHAR"]
    sizes = {name: f"{name} size" for name in texts}
    stored = _stored(
        database,
        reader,
        spans,
        COLUMN_NAMES,
        f"CASE WHEN strlen({{}}) > {limit:d} THEN left({{}}, {limit:d}) ELSE {{}} END",
        token,
        more=[
            (name, f"CASE WHEN strlen({{}}) > {limit:d} THEN strlen({{}}) END", sizes[name]) for name in texts
        ],
        only=texts,
    )
    found = []
    for row in stored:
        large = {name: row.pop(sizes[name]) for name in texts}
        cut = {
            name: size
            for name, size in large.items()
            if size is not None and size > len(row[name].encode("utf-8", "replace"))
        }
        found.append((payload_of(row), cut))
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
        inner = ", ".join(f"{placed.expression(name)} AS {quote(name)}" for name in read)
        # What is made of a value names it several times: it is worked out once, beneath.
        made = ", ".join(
            f"{made.replace('{}', quote(name))} AS {quote(called)}"
            for name, made, called in (
                *((name, form if only is None or name in only else "{}", name) for name in read),
                *more,
            )
        )
        ordered = sorted(set(numbers))
        for offset in range(0, len(ordered), 2048):
            wanted = ordered[offset : offset + 2048]
            for row in database.rows(
                f"SELECT payload_row, {made} FROM (SELECT {placed.row_no} AS payload_row, {inner} "
                f"FROM {placed.scan([file_no])} WHERE {placed.row_no} BETWEEN {wanted[0]} AND {wanted[-1]} "
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
            stored[name] is not None and stored[name] != span[name] for name in ("trace_id", "span_id")
        ):
            raise BadInput(
                f"span {span['span_id']} is no longer where it was in {reader.path(span['file_no'])}",
                hint="the file was rewritten: refresh, or open it again",
            )
        own = {name: span[name] for name in ("trace_id", "span_id", *known)}
        result.append({**dict.fromkeys(names), **stored, **own})
    return result
