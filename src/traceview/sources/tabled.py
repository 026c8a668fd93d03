"""Records of no known tool (CSV, JSON lines, JSON arrays) as a Parquet table in the cache, read in place as any other.

The table is made once of a file: one pass finds the type that all values of a column have, a second one writes them. A
column of mixed values is text, JSON text where they are nested. Objects that only group figures (`usage`, `context`)
are taken apart into columns with a dot.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from msgspec import to_builtins
from msgspec.structs import replace

from traceview.files.atomic import atomic_write
from traceview.files.dirs import cache_dir, private_dir
from traceview.sources.base import Probe, ReadReport
from traceview.sources.identity import FileIdentity
from traceview.sources.names import tell_of_spans
from traceview.sources.parts import no_space
from traceview.sources.probe import Unreadable, probe

DIRECTORY = "tables"
_VERSION = 2
_GROUPS = frozenset(
    ("usage", "token_usage", "tokens", "context", "trace", "span", "timing", "timings", "llm", "request_info")
)


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

        Raises BadInput if the cache cannot be written or there is no record, Unreadable if the file is gone.
        """
        # what writes is imported once there is such a file
        from traceview.sources.table_writing import write_table

        try:
            identity = FileIdentity.of(seen.path)
        except OSError as error:
            raise Unreadable(error.strerror or str(error)) from error
        told = json.dumps([_VERSION, to_builtins(identity)]).encode("utf-8", "surrogateescape")
        home = private_dir(cache_dir() / DIRECTORY / hashlib.sha256(told).hexdigest()[:24])
        # under the file's own name: rows without ids are told by it, also when the file has grown
        name = seen.path.stem[:40].encode("utf-8", "replace").decode()
        path = home / f"{name}.parquet"
        notes = path.with_suffix(".json")
        try:
            if not (path.is_file() and notes.is_file()):
                made = ReadReport()
                write_table(seen, path, made)
                atomic_write(notes, json.dumps({"skipped": made.skipped, "places": made.places}))
            kept = json.loads(notes.read_bytes())
        except OSError as error:
            raise no_space(home, error) from error
        report.skipped.update(kept["skipped"])
        report.places.update(kept["places"])
        return replace(probe(path), origin=seen.path)


def _names(probe: Probe) -> list[str]:
    first = probe.first[0] if isinstance(probe.first, list) and probe.first else probe.first
    return list(flat(first)) if isinstance(first, dict) else sorted(probe.top_keys)


def flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record with the objects that only group figures taken apart."""
    if not any(isinstance(value, dict) and name.lower() in _GROUPS for name, value in record.items()):
        return dict(record)
    columns: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, dict) and name.lower() in _GROUPS:
            columns |= {f"{name}.{inner}": one for inner, one in value.items()}
        else:
            columns[name] = value
    return columns
