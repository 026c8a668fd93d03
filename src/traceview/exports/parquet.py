"""Parquet: typed columns, a column per score, the metadata in the file under the key `traceview_export`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from traceview.exports.content import CONTENT_COLUMNS, ColumnType, ExportItem, Labels, ScoreColumn, key_of

METADATA_KEY = "traceview_export"

_TYPES: dict[ColumnType, pa.DataType] = {
    "text": pa.string(),
    "time": pa.timestamp("ns", tz="UTC"),
    "float": pa.float64(),
    "int": pa.int64(),
    "bool": pa.bool_(),
    "texts": pa.list_(pa.string()),
}


class Writer:
    """zstd, a row group per batch."""

    notes: Sequence[str] = (
        "in columns of booleans, numbers and lists a score that does not apply is null and its column .na is true; "
        "in columns of text it is n/a",
        "a column with values of several types holds them as JSON (its field is value_json)",
    )

    def __init__(self, path: Path, labels: Labels) -> None:
        self.columns: Sequence[ScoreColumn] = labels.columns(typed=True)
        fields = [(name, _TYPES[kind]) for name, kind in CONTENT_COLUMNS.items()]
        fields += [(column.name, _TYPES[column.type]) for column in self.columns]
        self._schema = pa.schema(fields)
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd")
        self._open = True

    def write(self, batch: Sequence[ExportItem]) -> None:
        """Append a batch."""
        arrays = [
            _array([item.content[name] for item in batch], kind) for name, kind in CONTENT_COLUMNS.items()
        ]
        labels = [{key_of(row): row for row in item.labels} for item in batch]
        for column in self.columns:
            found = [by_key.get(column.key) for by_key in labels]
            arrays.append(_array([None if row is None else column.of(row) for row in found], column.type))
        self._writer.write_batch(pa.record_batch(arrays, schema=self._schema))

    def finish(self, metadata: Mapping[str, Any]) -> None:
        """Put the metadata in and write the footer."""
        self._writer.add_key_value_metadata({METADATA_KEY: json.dumps(metadata, ensure_ascii=False)})
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        if self._open:
            self._open = False
            self._writer.close()


def _array(values: list[Any], kind: ColumnType) -> pa.Array:
    if kind == "time":
        return pc.cast(pa.array(values, pa.string()), _TYPES["time"])
    if kind == "float":
        # Arrow takes no integer that a float only comes near to.
        values = [None if value is None else float(value) for value in values]
    return pa.array(values, _TYPES[kind])
