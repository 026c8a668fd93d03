"""The narrow columns of every span of a source, copied once: what a build works on.

Sources have a third of the columns that there are, so only those that hold something are written; views add the others
as constants, which cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from traceview.model.schema import COLUMN_BY_NAME
from traceview.store.duck.connection import Database, quote
from traceview.store.duck.reading import NARROW, Reader
from traceview.store.interface import CancelToken

_PLACE = ("file_no", "row_no")
ALWAYS = ("trace_id", "span_id", "parent_id", "name", "kind", "start_ns", "status", *_PLACE)
"""The columns that are written whatever they hold."""
_TYPES = {"start_ns": "BIGINT", "end_ns": "BIGINT", "file_no": "INTEGER", "row_no": "BIGINT"}
_NS = {"start_time": "start_ns", "end_time": "end_ns"}

COLUMNS: tuple[str, ...] = (*(_NS.get(name, name) for name in NARROW), *_PLACE)
"""The columns of `base`, as `Reader.narrow` selects them."""


def load(
    database: Database,
    work: str,
    reader: Reader,
    selects: Iterable[str],
    token: CancelToken | None = None,
    *,
    alone: bool = False,
) -> tuple[str, ...]:
    """Make the table `loaded` of a schema from SELECTs of `COLUMNS`, and the view `base` of all columns over it.

    `alone` says that nobody else asks this database anything: rows may then come in any order, which several threads
    write at once. Gives the columns that hold something. Raises Cancelled, TraceviewError.
    """
    some = named(reader)
    columns_of = listed(some)
    if alone:
        # a row has its place in its file: whatever needs an order asks for it
        database.execute("SET preserve_insertion_order = false")
    for number, select in enumerate(selects):
        head = f"INSERT INTO {work}.loaded" if number else f"CREATE TABLE {work}.loaded AS"
        database.execute_large(f"{head} SELECT {columns_of} FROM ({select})", token=token)
    if alone:
        database.execute("RESET preserve_insertion_order")
    filled = holding(database, f"{work}.loaded", some, token)
    database.execute(
        f"CREATE OR REPLACE VIEW {work}.base AS SELECT {columns(filled)} FROM {work}.loaded", token=token
    )
    return filled


def view(
    database: Database, work: str, reader: Reader, selects: Iterable[str], token: CancelToken | None = None
) -> tuple[str, ...]:
    """Make the view `base` of a schema over the source itself; gives the columns that may hold something."""
    some = named(reader)
    every = " UNION ALL ".join(f"SELECT {columns(some)} FROM ({select})" for select in selects)
    database.execute(f"CREATE VIEW {work}.base AS {every}", token=token)
    return some


def named(reader: Reader) -> tuple[str, ...]:
    """The columns that a source may have something for."""
    mapped = {_NS.get(name, name) for placed in reader.placed for name in placed.relation.mapping.expressions}
    return tuple(name for name in COLUMNS if name in mapped or name in ALWAYS)


def holding(
    database: Database, table: str, names: Sequence[str], token: CancelToken | None = None
) -> tuple[str, ...]:
    """Those of the columns of a table that hold something."""
    if not names:
        return ()
    counted = ", ".join(f"count({quote(name)})" for name in names)
    counts = database.fetch(f"SELECT {counted} FROM {table}", token=token)[0]
    return tuple(name for name, count in zip(names, counts, strict=True) if count or name in ALWAYS)


def listed(names: Iterable[str]) -> str:
    """SQL of columns by their names."""
    return ", ".join(map(quote, names))


def columns(filled: Sequence[str]) -> str:
    """SQL of all columns, those that hold nothing as constants."""
    return ", ".join(
        quote(name) if name in filled else f"CAST(NULL AS {_type(name)}) AS {quote(name)}" for name in COLUMNS
    )


def _type(name: str) -> str:
    return _TYPES.get(name) or COLUMN_BY_NAME[name].type
