"""Small looks into a table that decide how it is mapped; each costs a footer or a few thousand values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from traceview.sources.base import Probe
from traceview.sources.duckdb_file import attached, qualified
from traceview.sources.looking import looking
from traceview.sources.sql import as_real, identifier, literal

_SAMPLE = 4096


def columns_with_nulls(probe: Probe, columns: Collection[str]) -> frozenset[str]:
    """Those of the columns that may hold NULL: by the statistics of a Parquet footer, by a query on a table."""
    if probe.container != "parquet":
        count = "SELECT count(*) FROM (SELECT 1 FROM {{}} WHERE {} IS NULL LIMIT 1)"
        return frozenset(column for column in columns if _ask(probe, count.format(identifier(column))))
    with looking() as connection:
        sure = connection.execute(
            "SELECT path_in_schema FROM parquet_metadata(?) WHERE path_in_schema IN (SELECT unnest(?)) "
            "GROUP BY 1 HAVING bool_and(coalesce(stats_null_count, 1) = 0)",
            [str(probe.path), list(columns)],
        ).fetchall()
    return frozenset(columns) - {row[0] for row in sure}


def typical_value(probe: Probe, column: str) -> float | None:
    """The median of the first few thousand values of a number column; None if there are none."""
    value = as_real(identifier(column), probe.columns[column])
    answer = _ask(
        probe, f"SELECT median({value}) FROM (SELECT {identifier(column)} FROM {{}} LIMIT {_SAMPLE})"
    )
    return None if answer is None else float(answer)


def recorded_unit(probe: Probe, column: str) -> str | None:
    """The unit of a duration that pandas or pyarrow wrote: it is an integer in Parquet, its unit is beside it."""
    if probe.container != "parquet":
        return None
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pq.read_schema(probe.path)
    if column not in schema.names or not pa.types.is_duration(schema.field(column).type):
        return None
    return str(schema.field(column).type.unit)


def row_of_first(probe: Probe, rows: int, select: str, shared: Mapping[str, str]) -> tuple[Any, ...]:
    """One row of aggregates over the first rows, which have the shared columns of a mapping too."""
    columns = ", ".join(("*", *(f"{sql} AS {identifier(name)}" for name, sql in shared.items())))
    row = _first_row(
        probe, lambda table: f"SELECT {select} FROM (SELECT {columns} FROM {table} LIMIT {rows})"
    )
    assert row is not None  # aggregates have a row of nothing too
    return row


def _ask(probe: Probe, query: str) -> float | None:
    row = _first_row(probe, query.format)
    return row[0] if row else None


def _first_row(probe: Probe, query: Callable[[str], str]) -> tuple[Any, ...] | None:
    """The first row of a query, which is made of the table's name in FROM."""
    import duckdb

    from traceview.sources.damage import damage

    if probe.container == "duckdb":
        with attached(probe.path) as (connection, catalog):
            row = connection.execute(query(qualified(probe.table or "", catalog))).fetchone()
    else:
        try:
            with looking() as connection:
                row = connection.execute(query(f"read_parquet({literal(str(probe.path))})")).fetchone()
        except duckdb.Error as error:
            damaged = damage(error, [probe.path])
            if damaged is None:
                raise
            raise damaged from error
    return row
