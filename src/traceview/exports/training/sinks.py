"""Where examples are written: files of JSON lines, or a directory of Parquet files with a card."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from traceview.exports.training.chat import Unwritable
from traceview.exports.training.examples import RECORDS, Example, dataset_record, preference_rows

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

BATCH_ROWS = 512
WHOLE = "all"
"""The name of the one part where nothing is split."""


class Sink(Protocol):
    """Takes examples and writes them in parts; `parts` are the files by name once it is closed, and their rows."""

    def records(self, example: Example) -> list[dict[str, Any]]:
        """What would be written of an example. Raises Unwritable."""
        ...

    def write(self, example: Example, records: Sequence[Mapping[str, Any]]) -> None:
        """Write the records of an example to the part of its split."""
        ...

    def close(self) -> dict[str, tuple[Path, int]]:
        """End every file: part name to path and rows."""
        ...


class JsonLines:
    """A file per split, a record per line."""

    def __init__(self, folder: Path, format: str, splits: Sequence[str]) -> None:
        self._records = RECORDS[format]
        self._parts = {name: folder / f"{name}.jsonl" for name in splits or (WHOLE,)}
        self._streams: dict[str, IO[bytes]] = {name: path.open("wb") for name, path in self._parts.items()}
        self._rows = dict.fromkeys(self._parts, 0)

    def records(self, example: Example) -> list[dict[str, Any]]:
        """The format's records."""
        return self._records(example)

    def write(self, example: Example, records: Sequence[Mapping[str, Any]]) -> None:
        """A line each."""
        part = example.split or WHOLE
        for record in records:
            self._streams[part].write(json_bytes(record) + b"\n")
            self._rows[part] += 1

    def close(self) -> dict[str, tuple[Path, int]]:
        """End the files."""
        for stream in self._streams.values():
            stream.close()
        return {name: (path, self._rows[name]) for name, path in self._parts.items()}


class DatasetDirectory:
    """`data/SPLIT-00000-of-00001.parquet`, and `preferences/` alike where there are corrections."""

    def __init__(self, folder: Path, splits: Sequence[str]) -> None:
        self._folder = folder
        self._splits = tuple(splits) or ("train",)
        self._writers: dict[str, _Table] = {}
        self._schemas = _schemas()
        for split in self._splits:
            self._table("data", split)

    def records(self, example: Example) -> list[dict[str, Any]]:
        """One row."""
        return [dataset_record(example)]

    def write(self, example: Example, records: Sequence[Mapping[str, Any]]) -> None:
        """The row, and a pair per correction."""
        split = example.split or self._splits[0]
        self._table("data", split).add(records)
        try:
            pairs = preference_rows(example)
        except Unwritable:
            return
        self._table("preferences", split).add(pairs)

    def close(self) -> dict[str, tuple[Path, int]]:
        """End the files."""
        for table in self._writers.values():
            table.close()
        return {name: (table.path, table.rows) for name, table in sorted(self._writers.items())}

    def _table(self, kind: str, split: str) -> _Table:
        name = f"{kind}/{split}-00000-of-00001.parquet"
        if name not in self._writers:
            self._writers[name] = _Table(self._folder / name, self._schemas[kind])
        return self._writers[name]


class _Table:
    """A Parquet file that is written in row groups."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        import pyarrow.parquet as pq

        path.parent.mkdir(exist_ok=True)
        self.path, self.rows = path, 0
        self._schema = schema
        self._writer: pq.ParquetWriter = pq.ParquetWriter(path, schema, compression="zstd")
        self._batch: list[Mapping[str, Any]] = []

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._batch += [_valid(row) for row in rows]
        if len(self._batch) >= BATCH_ROWS:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        import pyarrow as pa

        if self._batch:
            self._writer.write_table(pa.Table.from_pylist(list(map(dict, self._batch)), schema=self._schema))
            self.rows += len(self._batch)
            self._batch = []


def _schemas() -> dict[str, pa.Schema]:
    import pyarrow as pa

    text = pa.string()
    function = pa.struct([("name", text), ("arguments", text)])
    call = pa.struct([("id", text), ("type", text), ("function", function)])
    messages = pa.list_(
        pa.struct([("role", text), ("content", text), ("tool_calls", pa.list_(call)), ("tool_call_id", text)])
    )
    label = pa.struct(
        [(name, text) for name in ("name", "value", "source", "annotator", "reason", "definition_hash")]
    )
    texts = ("id", "target_kind", "trace_id", "thread_id", "model", "prompt_version")
    return {
        "data": pa.schema(
            [
                *((name, text) for name in texts),
                ("messages", messages),
                ("tools", text),
                ("answer", text),
                ("corrected", pa.bool_()),
                ("must_pass", pa.bool_()),
                ("labels", pa.list_(label)),
            ]
        ),
        "preferences": pa.schema(
            [("id", text), ("prompt", messages), ("chosen", messages), ("rejected", messages)]
        ),
    }


def json_bytes(value: Any) -> bytes:
    """A value as one line of JSON in UTF-8; halves of characters become question marks."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _valid(value: Any) -> Any:
    """The value with valid Unicode only."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {key: _valid(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_valid(entry) for entry in value]
    return value
