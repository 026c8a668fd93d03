"""Parts into one: sorted by start time, of every span its newest version."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from traceview.model.errors import BadInput
from traceview.sources.damage import damage
from traceview.sources.parts import PART_BYTES, ROW_GROUP_ROWS, arrow_schema, part_writer
from traceview.sources.sql import literal
from traceview.sources.stored import part_select
from traceview.sources.streaming import connected

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS = 2048


@dataclass(frozen=True, slots=True)
class Merged:
    """Rows of the merged part, and how many earlier versions of spans were left out."""

    rows: int
    dropped: int


def merge_parts(parts: Sequence[Path], path: Path) -> Merged:
    """Write what the parts hold, the last of which counts, into a file of this name; sorting spills to the cache.

    Raises BadInput if a part cannot be read, OSError if the file cannot be written.
    """
    with connected() as connection:
        try:
            return _merge(connection, parts, path)
        except duckdb.Error as error:
            found = damage(error, parts)
            raise found or BadInput(
                f"the parts of {path.parent} cannot be merged: {str(error).splitlines()[0]}"
            ) from error


def _merge(connection: duckdb.DuckDBPyConnection, parts: Sequence[Path], path: Path) -> Merged:
    listed = ", ".join(literal(str(part)) for part in parts)
    connection.execute(
        f"CREATE TABLE ids AS SELECT hash(trace_id, span_id) AS k, file_index AS part, file_row_number AS row "
        f"FROM read_parquet([{listed}]) WHERE trace_id IS NOT NULL AND span_id IS NOT NULL"
    )
    connection.execute(
        "CREATE TABLE dropped AS SELECT part, row FROM (SELECT part, row, row_number() OVER (PARTITION BY k "
        "ORDER BY part DESC, row DESC) AS age FROM ids SEMI JOIN "
        "(SELECT k FROM ids GROUP BY k HAVING count(*) > 1) USING (k)) WHERE age > 1"
    )
    counted = connection.execute("SELECT count(*) FROM dropped").fetchone()
    connection.execute("DROP TABLE ids")
    selects = [
        part_select(connection, part, f"{number} AS part, file_row_number AS row")
        for number, part in enumerate(parts)
    ]
    columns = ", ".join(arrow_schema().names)
    reader = connection.sql(
        f"SELECT {columns} FROM ({' UNION ALL '.join(selects)}) ANTI JOIN dropped USING (part, row) "
        "ORDER BY start_time NULLS LAST, part, row"
    ).to_arrow_reader(_ROWS)
    return Merged(_write(reader, path), counted[0] if counted else 0)


def _write(reader: Iterable[pa.RecordBatch], path: Path) -> int:
    """Write batches as row groups of a bounded number of rows and bytes; how many rows."""
    import pyarrow as pa

    rows = 0
    held: list[pa.RecordBatch] = []
    count = size = 0
    with part_writer(path) as writer:

        def write() -> None:
            writer.write_table(
                pa.Table.from_batches(held).cast(arrow_schema()), row_group_size=ROW_GROUP_ROWS
            )

        for batch in reader:
            # a row group ends exactly where it is full
            while batch.num_rows:
                piece = batch.slice(0, ROW_GROUP_ROWS - count)
                batch = batch.slice(piece.num_rows)
                held.append(piece)
                count, size, rows = count + piece.num_rows, size + piece.nbytes, rows + piece.num_rows
                if count >= ROW_GROUP_ROWS or size >= PART_BYTES:
                    write()
                    held, count, size = [], 0, 0
        if held:
            write()
    return rows
