"""Parquet parts in the canonical schema: written so that a torn one can never be seen."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from traceview.files.atomic import replacing
from traceview.model.errors import BadInput
from traceview.model.schema import COLUMNS, CORE_COLUMNS, SCHEMA_VERSION, Column
from traceview.sources.base import CanonicalRow
from traceview.sources.no_pandas import spare_pandas
from traceview.sources.part_names import PART_SUFFIX
from traceview.sources.rare_collections import rare_collections
from traceview.sources.superseding import current

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

ROW_GROUP_ROWS = 30_720
FIRST_PART_ROWS = 2_000
FIRST_PART_SECONDS = 0.3
PART_BYTES = 64 * 1024 * 1024
"""Rows with long texts are written earlier than a full row group: this is about what they take in memory."""

BATCH_ROWS = 2_000

_ROW_KEYS = {"start_time": "start_ns", "end_time": "end_ns"}
_INT64 = 1 << 63
_LONG = tuple(column.name for column in COLUMNS if column.payload)


@lru_cache(maxsize=1)
def arrow_types() -> dict[str, pa.DataType]:
    """The types of the canonical schema for pyarrow, which is imported only when parts are written or checked."""
    import pyarrow as pa

    spare_pandas()
    return {
        "VARCHAR": pa.string(),
        "BIGINT": pa.int64(),
        "DOUBLE": pa.float64(),
        "TIMESTAMP_NS": pa.timestamp("ns"),
        "VARCHAR[]": pa.list_(pa.string()),
    }


@lru_cache(maxsize=1)
def arrow_schema() -> pa.Schema:
    """The canonical schema for pyarrow: naive nanosecond timestamps in UTC, tags as list<string>."""
    import pyarrow as pa

    fields = [pa.field(column.name, arrow_types()[column.type]) for column in COLUMNS]
    return pa.schema(fields, metadata={"traceview.schema": str(SCHEMA_VERSION)})


def write_part(rows: Sequence[CanonicalRow], directory: Path, name: str) -> Path:
    """Write rows as one part, sorted by start time (rows without one last); returns its path.

    zstd, 30,720 rows a group, statistics on the columns that are not payload. The part appears by rename
    after an fsync, and the directory is synced. Raises OSError.
    """
    path = directory / name
    with replacing(path) as temporary:
        write_rows(rows, temporary)
    return path


def write_rows(rows: Sequence[CanonicalRow], path: Path) -> None:
    """Write rows, sorted by start time (rows without one last), into a file of this name. Raises OSError."""
    write_table(in_order(table_of(rows)), path)


def table_of(rows: Sequence[CanonicalRow]) -> pa.Table:
    """Rows as a table of the canonical schema, in the order they have."""
    import pyarrow as pa

    batches = [
        record_batch(rows[start : start + BATCH_ROWS]) for start in range(0, len(rows), BATCH_ROWS) or (0,)
    ]
    return pa.Table.from_batches(batches)


def record_batch(rows: Sequence[CanonicalRow]) -> pa.RecordBatch:
    """The rows in the canonical schema. Batches of a few thousand are by far the cheapest: they fit into caches."""
    import pyarrow as pa

    try:
        columns = pa.array(rows, type=_type_of_rows()).flatten()
    except (pa.ArrowException, UnicodeError, OverflowError, TypeError, ValueError):
        columns = [_array(column, rows) for column in COLUMNS]
    return pa.RecordBatch.from_arrays(columns, schema=arrow_schema())


@lru_cache(maxsize=1)
def _type_of_rows() -> pa.StructType:
    """A canonical row as one value: its keys with their types, in the order of the schema."""
    import pyarrow as pa

    return pa.struct(
        [(_ROW_KEYS.get(column.name, column.name), arrow_types()[column.type]) for column in COLUMNS]
    )


def in_order(table: pa.Table) -> pa.Table:
    """A table of the canonical schema sorted by start time, rows without one last, otherwise as they came."""
    import numpy as np
    import pyarrow as pa

    starts = table.column("start_time").cast(pa.int64()).fill_null(_INT64 - 1).to_numpy()
    if bool(np.all(starts[:-1] <= starts[1:])):
        return table
    return taken(table.columns, np.argsort(starts, kind="stable"))


def taken(columns: list[pa.ChunkedArray], rows: np.ndarray) -> pa.Table:
    """Rows of the columns of a canonical table, by their numbers.

    The list is empty afterwards: if nobody else has the columns, each is given up for what is taken of it.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    whole = len(rows) == len(columns[0]) and bool(np.all(rows[:-1] < rows[1:]))
    wanted = pa.array(rows)
    found = []
    columns.reverse()
    while columns:
        column = columns.pop()
        if not whole:
            empty = column.null_count == len(column)
            column = pa.nulls(len(rows), column.type) if empty else pc.take(column, wanted)
        found.append(column)
    return pa.Table.from_arrays(found, schema=arrow_schema())


def _last_versions(table: pa.Table) -> np.ndarray:
    """Of each row of a canonical table the number of the last row of the same span; its own for one without ids."""
    import numpy as np
    import pyarrow.compute as pc

    numbers = np.arange(table.num_rows)
    keys = pc.binary_join_element_wise(table["trace_id"], table["span_id"], "\0").combine_chunks()
    codes = pc.fill_null(keys.dictionary_encode().indices, -1).to_numpy(zero_copy_only=False)
    last = np.zeros(table.num_rows, dtype=numbers.dtype)
    # of a code that is there several times the last number stays
    last[codes[codes >= 0]] = numbers[codes >= 0]
    return np.where(codes >= 0, last[codes], numbers)


def _apart(table: pa.Table) -> list[pa.Table]:
    """A table, or two where the order of time would put an earlier version of a span after the one that counts."""
    import numpy as np
    import pyarrow as pa

    last = _last_versions(table)
    starts = table.column("start_time").cast(pa.int64()).fill_null(_INT64 - 1).to_numpy()
    if not np.any(starts > starts[last]):
        return [table]
    counts = last == np.arange(table.num_rows)
    return [table.filter(pa.array(~counts)), table.filter(pa.array(counts))]


def write_table(table: pa.Table, path: Path) -> None:
    """Write a table of the canonical schema, in the order it has, into a file of this name. Raises OSError."""
    import pyarrow.parquet as pq

    pq.write_table(table, path, row_group_size=ROW_GROUP_ROWS, **_layout())


def part_writer(path: Path) -> pq.ParquetWriter:
    """A writer of row groups in the layout that parts have. Raises OSError."""
    import pyarrow.parquet as pq

    return pq.ParquetWriter(path, arrow_schema(), **_layout())


def _layout() -> dict[str, Any]:
    narrow = [column.name for column in COLUMNS if not column.payload]
    # statistics of payload columns would copy whole texts into the footer
    return {"compression": "zstd", "write_statistics": narrow, "use_dictionary": narrow}


def check_part(path: Path) -> str | None:
    """Why a part cannot be read (its footer is torn, its columns are others); None if it is good."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        return str(error).splitlines()[0] if str(error) else type(error).__name__
    missing = [name for name in CORE_COLUMNS if name not in schema.names]
    return f"columns are missing: {', '.join(missing)}" if missing else None


def parts_in(directory: Path) -> tuple[Path, ...]:
    """The whole parts that are in a directory now, in the order in which they count, without superseded ones."""
    try:
        found = sorted(
            path
            for path in directory.iterdir()
            if path.suffix == PART_SUFFIX and not path.name.startswith(".")
        )
    except FileNotFoundError:
        return ()
    return tuple(current(found))


class StoreWriter:
    """Turns batches of rows into parts with bounded memory; the first part comes early so that rows show soon.

    Use as a context manager: leaving it without an exception writes what is left.
    """

    def __init__(
        self, directory: Path, *, prefix: str = "part", on_part: Callable[[Path], object] | None = None
    ) -> None:
        self.directory = directory
        self.parts: list[Path] = []
        self.spans = 0
        self._prefix = prefix
        self._on_part = on_part
        self._rows: list[CanonicalRow] = []
        self._batches: list[pa.RecordBatch] = []
        self._held = 0
        self._bytes = 0
        self._started = time.monotonic()

    def add(self, rows: Sequence[CanonicalRow]) -> None:
        """Take rows; writes parts as they fill. Raises OSError, BadInput when the disk is full."""
        for row in rows:
            self._rows.append(row)
            self._bytes += weight(row)
            if self._held + len(self._rows) >= ROW_GROUP_ROWS or self._bytes >= PART_BYTES:
                self.flush()
            elif len(self._rows) >= BATCH_ROWS:
                self._pack()
        if not self.parts and (held := self._held + len(self._rows)):
            waited = time.monotonic() - self._started
            if held >= FIRST_PART_ROWS or waited >= FIRST_PART_SECONDS:
                self.flush()

    def add_table(self, table: pa.Table) -> None:
        """Take rows of the canonical schema, as `add`."""
        self._pack()
        self._batches += table.to_batches()
        self._held += table.num_rows
        self._bytes += table.nbytes
        if self._held >= (ROW_GROUP_ROWS if self.parts else FIRST_PART_ROWS) or self._bytes >= PART_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what is held as a part of its own; two if spans came again in another order than that of time."""
        self._pack()
        if not self._held:
            return
        import pyarrow as pa

        tables = _apart(pa.Table.from_batches(self._batches))
        self.spans += self._held
        self._batches = []
        self._held = self._bytes = 0
        for table in tables:
            part = self.directory / f"{self._prefix}-{len(self.parts):06d}{PART_SUFFIX}"
            with replacing(part) as temporary:
                write_table(in_order(table), temporary)
            self.parts.append(part)
            if self._on_part is not None:
                self._on_part(part)

    def _pack(self) -> None:
        """Keep rows as columns, which take a fraction of the room."""
        if self._rows:
            self._batches.append(record_batch(self._rows))
            self._held += len(self._rows)
            self._rows = []

    def __enter__(self) -> StoreWriter:
        rare_collections.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        rare_collections.__exit__()
        if kind is None:
            self.flush()


def weight(row: CanonicalRow) -> int:
    """About what a row takes in memory: its long texts."""
    return 400 + sum([len(value) for value in map(row.get, _LONG) if value.__class__ is str])


def _array(column: Column, rows: Sequence[CanonicalRow]) -> pa.Array:
    import pyarrow as pa

    key = _ROW_KEYS.get(column.name, column.name)
    values = [row.get(key) for row in rows]
    kind = arrow_types()[column.type]
    try:
        return pa.array(values, type=kind)
    except (pa.ArrowException, UnicodeError, OverflowError, TypeError, ValueError):
        # one foreign value (half a surrogate pair, a number beyond 64 bits) must not cost the batch
        return pa.array([_tame(value, column.type) for value in values], type=kind)


def _tame(value: Any, kind: str) -> Any:
    if value is None:
        return None
    if kind == "VARCHAR":
        return str(value).encode("utf-8", "replace").decode("utf-8")
    if kind == "VARCHAR[]":
        items = value if isinstance(value, (list, tuple)) else [value]
        return [str(item).encode("utf-8", "replace").decode("utf-8") for item in items]
    try:
        if kind == "DOUBLE":
            return float(value)
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if -_INT64 <= number < _INT64 else None


def no_space(directory: Path, error: OSError, *, store: bool = False) -> BadInput:
    """A full disk or a read-only place, in words; `store` says that it is no directory of the cache."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    hint = "free some space (traceview cache clear), or name another place with TRACEVIEW_CACHE_DIR"
    if store:
        hint = "free some space, then" if full else "see that it is there and may be written, then"
        hint += " run it again: what is in the store is not written twice"
    return BadInput(
        f"the disk is full: cannot write to {directory}"
        if full
        else f"cannot write to {directory}: {error.strerror or error}",
        hint=hint,
    )
