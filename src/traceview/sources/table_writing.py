"""Writes the Parquet table of records of no known tool."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from traceview.files.atomic import replacing
from traceview.model.errors import BadInput
from traceview.sources.base import Probe, ReadReport
from traceview.sources.jsontext import as_text, cleaned
from traceview.sources.no_pandas import spare_pandas
from traceview.sources.records import BATCH, Record, records
from traceview.sources.tabled import flat

_INT = re.compile(r"^-?(0|[1-9]\d{0,17})$")
_REAL = re.compile(r"^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$")


def write_table(seen: Probe, path: Path, report: ReadReport) -> None:
    """Write the records of a file as one table, a column a name, to `path`; what could not be read goes to `report`.

    Raises BadInput if there is no record, OSError if it cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    spare_pandas()
    kinds = _kinds(seen)
    if not kinds:
        raise BadInput(f"{seen.path}: no record could be read")
    types = {"bool": pa.bool_(), "int": pa.int64(), "real": pa.float64(), "text": pa.string()}
    schema = pa.schema([(name, types[kind]) for name, kind in kinds.items()])
    with replacing(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        for batch in _batches(seen, report):
            columns = [
                pa.array([_as(kind, record.get(name)) for record in batch], type=types[kind])
                for name, kind in kinds.items()
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))


def _batches(seen: Probe, report: ReadReport) -> Iterator[list[Record]]:
    batch: list[Record] = []
    for _, record in records(seen, report):
        batch.append(flat(record))
        if len(batch) >= BATCH * 4:
            yield batch
            batch = []
    if batch:
        yield batch


def _kinds(seen: Probe) -> dict[str, str]:
    """The type of every column: the narrowest that holds all of its values; names that differ by case are one."""
    found: dict[str, str | None] = {}
    spelled: dict[str, str] = {}
    of_text = seen.container == "csv"
    for _, record in records(seen, ReadReport()):
        for name, value in flat(record).items():
            if spelled.setdefault(name.lower(), name) != name:
                continue
            kind = _kind_of_text(value) if of_text else _kind(value)
            before = found.get(name)
            if kind is None:
                found.setdefault(name, None)
            elif before is None:
                found[name] = kind
            elif before != kind:
                found[name] = _wider(before, kind)
    return {name: kind or "text" for name, kind in found.items()}


def _kind(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int" if -(1 << 63) <= value < 1 << 63 else "text"
    return "real" if isinstance(value, float) else "text"


def _kind_of_text(value: str) -> str | None:
    text = value.strip()
    if not text:
        return None
    if _INT.match(text):
        return "int"
    if _REAL.match(text):
        return "real"
    return "bool" if text.lower() in ("true", "false") else "text"


def _wider(one: str, other: str) -> str:
    return "real" if {one, other} == {"int", "real"} else "text"


def _as(kind: str, value: Any) -> Any:
    if value is None or value == "":
        return None
    if kind == "text":
        return as_text(cleaned(value)) if not isinstance(value, str) else cleaned(value)
    if kind == "bool":
        return value if isinstance(value, bool) else value.strip().lower() == "true"
    return int(value) if kind == "int" else float(value)
