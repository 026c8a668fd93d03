"""Spans of Phoenix: nested columns, or the API's JSON, become OpenInference attributes again, mapped as those."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from traceview.sources.attributes import row_of
from traceview.sources.base import CanonicalRow, Probe, ReadReport
from traceview.sources.dialects.base import RawSpan
from traceview.sources.jsontext import as_text, cleaned, decoded, dumps
from traceview.sources.otlp.values import status_of
from traceview.sources.phoenix.format import SPAN, TRACE
from traceview.sources.records import batches, mapping_of, nanoseconds, records

_BATCH = 2000
_PREFIX = "attributes."
# OpenInference stores these as one JSON text; the server shows them parsed
_JSON_TEXTS = frozenset(
    (
        "metadata",
        "tool.parameters",
        "llm.prompt_template.variables",
        "llm.invocation_parameters",
        "document.metadata",
    )
)
_METADATA = "metadata."
_ANTHROPIC_SDK = "com.anthropic.sdk.python"


def read(probe: Probe, report: ReadReport) -> Iterator[list[CanonicalRow]]:
    """Batches of up to 2,000 rows, in the order of the file."""
    if probe.container == "json":
        yield from batches(_of_api(probe, report), report)
        return
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    with pq.ParquetFile(probe.path) as file:
        for batch in file.iter_batches(batch_size=_BATCH):
            times = {
                name: batch.column(name).cast(pa.timestamp("ns", "UTC")).cast(pa.int64()).to_pylist()
                for name in ("start_time", "end_time")
                if name in batch.schema.names and pa.types.is_timestamp(batch.schema.field(name).type)
            }
            # times as Python datetimes would lose nanoseconds, and pandas would be needed to keep them
            records = batch.drop_columns(list(times)).to_pylist()
            rows = []
            for index, record in enumerate(records):
                number += 1
                for name, values in times.items():
                    record[name] = values[index]
                raw = _raw_span(record)
                if raw is None:
                    report.skip("row without a trace id or span id", f"{probe.path.name}:{number}")
                else:
                    rows.append(row_of(raw))
            report.spans += len(rows)
            if rows:
                yield rows


def _of_api(probe: Probe, report: ReadReport) -> Iterator[CanonicalRow | None]:
    """Spans as `client.spans.get_spans()` gives them, alone, in a list or in pages."""
    for where, span in records(probe, report, pages=("data",)):
        context, told = mapping_of(span.get("context")), mapping_of(span.get("attributes"))
        metadata = {
            name.removeprefix(_METADATA): value for name, value in told.items() if name.startswith(_METADATA)
        }
        record = {_PREFIX + name: value for name, value in told.items() if not name.startswith(_METADATA)}
        if metadata:
            record.setdefault(f"{_PREFIX}metadata", metadata)
        record |= {name: value for name, value in span.items() if name not in ("context", "attributes")}
        raw = _raw_span(record | {TRACE: context.get("trace_id"), SPAN[0]: context.get("span_id")})
        if raw is None:
            report.skip("span without a trace id or span id", where)
        else:
            yield row_of(raw)


def _raw_span(record: Mapping[str, Any]) -> RawSpan | None:
    trace_id = as_text(record.get(TRACE))
    span_id = next((as_text(record[name]) for name in SPAN if record.get(name)), None)
    if not trace_id or not span_id:
        return None
    attributes: dict[str, Any] = {}
    for column, value in record.items():
        if column.startswith(_PREFIX):
            flatten(column[len(_PREFIX) :], value, attributes)
    kind = record.get("span_kind")
    if isinstance(kind, str) and kind:
        attributes.setdefault("openinference.span.kind", kind)
    return RawSpan(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=as_text(record.get("parent_id")) or None,
        name=as_text(record.get("name")) or "",
        start_ns=nanoseconds(record.get("start_time")),
        end_ns=nanoseconds(record.get("end_time")),
        status=status_of(record.get("status_code")),
        status_message=as_text(record.get("status_message")) or None,
        attributes=attributes,
        events=_events(record.get("events")),
        links=[],
        resource={},
        resource_json="{}",
        scope_name=_scope(record, attributes),
        source="phoenix",
    )


def flatten(name: str, value: Any, into: dict[str, Any]) -> None:
    """Nested structs and lists of structs as dotted attributes; nulls and NaN are absent, whole doubles integers.

    Texts that OpenInference holds as JSON (metadata, tool parameters, ...) become JSON text again.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return
    if isinstance(value, float) and value.is_integer() and "token_count" in name:
        into[name] = int(value)
    elif isinstance(value, dict):
        ending = ".".join(name.rsplit(".", 2)[-2:])
        if name in _JSON_TEXTS or ending in _JSON_TEXTS:
            present = without_nulls(value)
            if present:
                into[name] = dumps(present)
            return
        for key, inner in value.items():
            flatten(f"{name}.{key}", inner, into)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for index, item in enumerate(value):
            flatten(f"{name}.{index}", item, into)
    else:
        into[name] = cleaned(value) if isinstance(value, float | list) else value


def without_nulls(value: Any) -> Any:
    """Plain data without the null members that a struct column gives to every row."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else cleaned(value)


def _scope(record: Mapping[str, Any], attributes: Mapping[str, Any]) -> str | None:
    """Phoenix drops the scope; Anthropic's own span is known by its name and by having no messages."""
    name = record.get("name")
    if not isinstance(name, str) or not name.startswith("anthropic.messages."):
        return None
    bare = "gen_ai.operation.name" in attributes and "llm.input_messages.0.message.role" not in attributes
    return _ANTHROPIC_SDK if bare else None


def _events(value: Any) -> list[dict[str, Any]]:
    items = decoded(value)
    if not isinstance(items, list):
        return []
    return [
        {
            "time_ns": nanoseconds(item.get("timestamp")),
            "name": as_text(item.get("name")) or "",
            "attributes": without_nulls(item.get("attributes") or {}),
        }
        for item in items
        if isinstance(item, dict)
    ]
