"""Parts into one: sorted by start time, of every span its newest version.

The order of all rows is found from their times and ids alone. Since every part is sorted already, each is then read
once from its beginning to its end, a few hundred rows ahead of what is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
from msgspec import Struct

from traceview.model.errors import BadInput
from traceview.sources.damage import damage
from traceview.sources.parts import PART_BYTES, ROW_GROUP_ROWS, arrow_schema, part_writer
from traceview.sources.sql import literal
from traceview.sources.streaming import connected

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

_AHEAD = 512
_FEWEST_ROWS = 256


class Merged(Struct, frozen=True):
    """Rows of the merged part, and how many earlier versions of spans were left out."""

    rows: int
    dropped: int


class _Order(Struct, frozen=True):
    """The rows in the order in which they are written: the number of the part of each, and its row there."""

    part: np.ndarray
    row: np.ndarray
    dropped: int


def merge_parts(parts: Sequence[Path], path: Path) -> Merged:
    """Write what the parts hold, the last of which counts, into a file of this name.

    A span that an older version wrote twice into one part is there as it had ended, whatever the order of time.
    Memory: a row group, and a few hundred rows of each part whose times overlap. Raises BadInput if a part cannot be
    read or is not sorted, OSError if the file cannot be written.
    """
    import pyarrow as pa

    order = _order(parts)
    cursors = [_Cursor(part) for part in parts]
    size = _rows_at_once(parts)
    try:
        with part_writer(path) as writer:
            for first in range(0, len(order.row), size):
                chosen = order.part[first : first + size], order.row[first : first + size]
                writer.write_table(_gathered(cursors, *chosen), row_group_size=ROW_GROUP_ROWS)
    except pa.ArrowException as error:
        raise BadInput(
            f"the parts of {parts[0].parent} cannot be merged: {str(error).splitlines()[0]}"
        ) from error
    finally:
        for cursor in cursors:
            cursor.close()
    return Merged(len(order.row), order.dropped)


def _order(parts: Sequence[Path]) -> _Order:
    """The order of the rows that stay."""
    listed = ", ".join(literal(str(part)) for part in parts)
    with connected() as connection:
        try:
            connection.execute(
                "CREATE TABLE rows AS SELECT hash(trace_id, span_id) AS k, "
                "trace_id IS NOT NULL AND span_id IS NOT NULL AS named, start_time, end_time IS NOT NULL AS ended, "
                "file_index::INTEGER AS part, "
                f"file_row_number::INTEGER AS row FROM read_parquet([{listed}])"
            )
            connection.execute(
                "CREATE TABLE dropped AS SELECT part, row FROM (SELECT part, row, row_number() OVER "
                "(PARTITION BY k ORDER BY part DESC, ended DESC, row DESC) AS age FROM rows SEMI JOIN "
                "(SELECT k FROM rows WHERE named GROUP BY k HAVING count(*) > 1) USING (k) WHERE named) WHERE age > 1"
            )
            found = connection.execute(
                "SELECT part, row FROM rows ANTI JOIN dropped USING (part, row) "
                "ORDER BY start_time NULLS LAST, part, row"
            ).fetchnumpy()
            dropped = connection.execute("SELECT count(*) FROM dropped").fetchall()[0][0]
        except duckdb.Error as error:
            raise damage(error, parts) or BadInput(str(error).splitlines()[0]) from error
    order = _Order(found["part"], found["row"], dropped)
    _refuse_unsorted(parts, order)
    return order


def _refuse_unsorted(parts: Sequence[Path], order: _Order) -> None:
    """Raise BadInput if a part would not be read from its beginning to its end."""
    import numpy as np

    for number, part in enumerate(parts):
        if np.any(np.diff(order.row[order.part == number]) < 0):
            raise BadInput(
                f"{part} is not sorted by start time",
                hint="import the store into a new one: traceview import STORE --to NEW",
            )


def _rows_at_once(parts: Sequence[Path]) -> int:
    """How many rows make a row group: as many as are usual, fewer where their texts are long."""
    import pyarrow.parquet as pq

    size = rows = 0
    for part in parts:
        metadata = pq.read_metadata(part)
        rows += metadata.num_rows
        size += sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
    return max(_FEWEST_ROWS, min(ROW_GROUP_ROWS, PART_BYTES * rows // max(size, 1)))


def _gathered(cursors: Sequence[_Cursor], part: np.ndarray, row: np.ndarray) -> pa.Table:
    """These rows of these parts, in this order."""
    import numpy as np
    import pyarrow as pa

    tables, places = [], []
    for number in np.unique(part):
        at = np.flatnonzero(part == number)
        tables.append(cursors[number].take(row[at]))
        places.append(at)
    order = np.argsort(np.concatenate(places), kind="stable")
    return pa.concat_tables(tables).take(pa.array(order))


class _Cursor:
    """A part that is read from its beginning to its end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: Any = None
        self._batches: Iterator[pa.RecordBatch] = iter(())
        self._held: list[pa.Table] = []
        self._first = 0
        """The number of the first row that is held."""
        self._next = 0
        """The number of the first row that was not read."""

    def take(self, rows: np.ndarray) -> pa.Table:
        """Rows by their numbers, which are larger than all that were taken before."""
        import pyarrow as pa

        if self._file is None:
            self._open()
        while self._next <= int(rows[-1]):
            batch = next(self._batches)
            self._held.append(_canonical(pa.Table.from_batches([batch])))
            self._next += batch.num_rows
        table = pa.concat_tables(self._held)
        taken = table.take(pa.array(rows - self._first))
        rest = table.slice(int(rows[-1]) + 1 - self._first)
        self._held, self._first = [rest], int(rows[-1]) + 1
        return taken

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()

    def _open(self) -> None:
        import pyarrow.parquet as pq

        # a small buffer instead of whole column chunks, of which there may be hundreds at a time
        self._file = pq.ParquetFile(self._path, buffer_size=1 << 16, pre_buffer=False)
        self._batches = self._file.iter_batches(batch_size=_AHEAD, use_threads=False)


def _canonical(table: pa.Table) -> pa.Table:
    """The columns of the schema, null where a part of an older version has none."""
    import pyarrow as pa

    columns = [
        table[field.name].cast(field.type)
        if field.name in table.schema.names
        else pa.nulls(table.num_rows, field.type)
        for field in arrow_schema()
    ]
    return pa.Table.from_arrays(columns, schema=arrow_schema())
