"""Records of no known tool (CSV, JSON lines, JSON arrays) as a Parquet table in the cache, read in place as any other.

The table is made once of a file: one pass finds the type that all values of a column have, a second one writes them. A
column of mixed values is text, JSON text where they are nested. Objects that only group figures (`usage`, `context`)
are taken apart into columns with a dot.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from traceview.files.atomic import atomic_write, replacing
from traceview.files.dirs import cache_dir, private_dir
from traceview.model.errors import BadInput
from traceview.sources.base import Probe, ReadReport
from traceview.sources.identity import FileIdentity
from traceview.sources.jsontext import as_text, cleaned
from traceview.sources.names import tell_of_spans
from traceview.sources.parts import no_space
from traceview.sources.probe import probe
from traceview.sources.records import BATCH, Record, records

DIRECTORY = "tables"
_VERSION = 1
_GROUPS = frozenset(
    ("usage", "token_usage", "tokens", "context", "trace", "span", "timing", "timings", "llm", "request_info")
)
_INT = re.compile(r"^-?(0|[1-9]\d{0,17})$")
_REAL = re.compile(r"^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$")
_ORDER = ("bool", "int", "real", "text")


class TabledRecords:
    """Records whose names tell of spans."""

    name = "records"

    def recognise(self, probe: Probe) -> bool:
        """True if the names of the columns, or the keys of the first record, tell of spans."""
        if probe.container == "csv":
            return tell_of_spans(probe.columns)
        return probe.container == "json" and tell_of_spans(_names(probe))

    def table(self, seen: Probe, report: ReadReport) -> Probe:
        """The probe of the table, which is made if it is not there; what could not be read goes to `report`.

        Raises BadInput if the cache cannot be written or there is no record.
        """
        identity = FileIdentity.of(seen.path)
        told = json.dumps([_VERSION, asdict(identity)]).encode("utf-8", "surrogateescape")
        home = private_dir(cache_dir() / DIRECTORY)
        path = home / f"{hashlib.sha256(told).hexdigest()[:24]}.parquet"
        notes = path.with_suffix(".json")
        try:
            if not (path.is_file() and notes.is_file()):
                made = ReadReport()
                _write(seen, path, made)
                atomic_write(notes, json.dumps({"skipped": made.skipped, "places": made.places}))
            kept = json.loads(notes.read_bytes())
        except OSError as error:
            raise no_space(home, error) from error
        report.skipped.update(kept["skipped"])
        report.places.update(kept["places"])
        return probe(path)


def _names(probe: Probe) -> list[str]:
    first = probe.first[0] if isinstance(probe.first, list) and probe.first else probe.first
    return list(_flat(first)) if isinstance(first, dict) else sorted(probe.top_keys)


def _flat(record: Record) -> Record:
    """The record with the objects that only group figures taken apart."""
    if not any(isinstance(value, dict) and name.lower() in _GROUPS for name, value in record.items()):
        return record
    flat: Record = {}
    for name, value in record.items():
        if isinstance(value, dict) and name.lower() in _GROUPS:
            flat |= {f"{name}.{inner}": one for inner, one in value.items()}
        else:
            flat[name] = value
    return flat


def _write(seen: Probe, path: Path, report: ReadReport) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

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
        batch.append(_flat(record))
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
        for name, value in _flat(record).items():
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
