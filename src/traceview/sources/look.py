"""Small looks into a table that decide how it is mapped; each costs a footer or a few thousand values."""

from __future__ import annotations

from traceview.sources.base import Probe
from traceview.sources.sql import as_real, identifier, literal

_SAMPLE = 4096


def has_nulls(probe: Probe, column: str) -> bool:
    """Whether a column may hold NULL: by the statistics of a Parquet footer, by a query on a DuckDB table."""
    if probe.container == "parquet":
        import pyarrow.parquet as pq

        metadata = pq.read_metadata(probe.path)
        index = next(
            (i for i in range(metadata.num_columns) if metadata.schema.column(i).path == column),
            None,
        )
        if index is None:
            return True
        for group in range(metadata.num_row_groups):
            statistics = metadata.row_group(group).column(index).statistics
            if statistics is None or not statistics.has_null_count or statistics.null_count:
                return True
        return False
    query = f"SELECT count(*) FROM (SELECT 1 FROM {{}} WHERE {identifier(column)} IS NULL LIMIT 1)"
    return bool(_ask(probe, query))


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

    from traceview.sources.duckdb_file import attached, qualified

    if probe.container == "duckdb":
        with attached(probe.path) as (connection, catalog):
            row = connection.execute(query.format(qualified(probe.table or "", catalog))).fetchone()
    else:
        with duckdb.connect() as connection:
            row = connection.execute(query.format(f"read_parquet({literal(str(probe.path))})")).fetchone()
    return row[0] if row else None
