"""Small looks into a table that decide how it is mapped; each costs a footer or a few thousand values."""

from __future__ import annotations

from collections.abc import Collection

from traceview.sources.base import Probe
from traceview.sources.duckdb_file import attached, qualified
from traceview.sources.sql import as_real, identifier, literal

_SAMPLE = 4096


def columns_with_nulls(probe: Probe, columns: Collection[str]) -> frozenset[str]:
    """Those of the columns that may hold NULL: by the statistics of a Parquet footer, by a query on a table."""
    if probe.container != "parquet":
        count = "SELECT count(*) FROM (SELECT 1 FROM {{}} WHERE {} IS NULL LIMIT 1)"
        return frozenset(column for column in columns if _ask(probe, count.format(identifier(column))))
    import duckdb

    with duckdb.connect() as connection:
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


def _ask(probe: Probe, query: str) -> float | None:
    import duckdb

    from traceview.sources.damage import damage

    if probe.container == "duckdb":
        with attached(probe.path) as (connection, catalog):
            row = connection.execute(query.format(qualified(probe.table or "", catalog))).fetchone()
    else:
        try:
            with duckdb.connect() as connection:
                row = connection.execute(query.format(f"read_parquet({literal(str(probe.path))})")).fetchone()
        except duckdb.Error as error:
            damaged = damage(error, [probe.path])
            if damaged is None:
                raise
            raise damaged from error
    return row[0] if row else None
