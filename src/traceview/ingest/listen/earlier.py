"""Spans of earlier parts, as they came: for those whose messages come only now."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from traceview.sources.dialects.base import RawSpan
from traceview.sources.jsontext import loads
from traceview.sources.part_names import numbers_of
from traceview.sources.parts import parts_in
from traceview.sources.superseding import merged_in

_COLUMNS = (
    "source", "trace_id", "span_id", "parent_id", "name", "start_time", "end_time", "status", "error_message",
    "scope_name", "attributes", "events", "links", "resource",
)  # fmt: skip

Ids = tuple[str, str]


def has_part(store: Path, part: str) -> bool:
    """Whether a part is in a store, or one that it was merged into, as a compaction wrote down.

    A part that was merged several times is known by the numbers of those that it was in. Numbers in the name of a file
    alone say nothing: spans that are taken to be in it would not be written.
    """
    if (store / part).exists():
        return True
    told = numbers_of(part)
    merged = (numbers_of(name) for name in merged_in(store))
    return told is not None and any(
        other is not None and other.first <= told.first and told.last <= other.last for other in merged
    )


def earlier_spans(store: Path, part: str, ids: Sequence[Ids]) -> dict[Ids, RawSpan]:
    """The spans with these trace and span ids, from the part of this name; from any, if that was merged into another.

    A span that is not found is left out. Raises OSError.
    """
    path = store / part
    paths = [path] if path.exists() else list(reversed(parts_in(store)))
    found: dict[Ids, RawSpan] = {}
    for one in paths:
        missing = [entry for entry in ids if entry not in found]
        if not missing:
            break
        for row in _rows(one, missing):
            key = row["trace_id"], row["span_id"]
            if key in missing:
                found[key] = _raw(row)
    return found


def _rows(path: Path, ids: Sequence[Ids]) -> list[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(
            path, columns=list(_COLUMNS), filters=[("span_id", "in", [span_id for _, span_id in ids])]
        )
    except (pa.ArrowException, FileNotFoundError):
        return []
    for name in ("start_time", "end_time"):
        at = table.schema.get_field_index(name)
        table = table.set_column(at, name, table.column(name).cast(pa.int64()))
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def _raw(row: dict[str, Any]) -> RawSpan:
    """A row as the span that it was mapped from: every attribute is kept in it."""
    resource = row["resource"] or "{}"
    return RawSpan(
        trace_id=row["trace_id"],
        span_id=row["span_id"],
        parent_id=row["parent_id"],
        name=row["name"] or "",
        start_ns=row["start_time"],
        end_ns=row["end_time"],
        status=row["status"],
        status_message=row["error_message"],
        attributes=loads(row["attributes"] or "{}"),
        events=loads(row["events"] or "[]"),
        links=loads(row["links"] or "[]"),
        resource=loads(resource),
        resource_json=resource,
        scope_name=row["scope_name"],
        source=row["source"].partition("/")[0],
    )
