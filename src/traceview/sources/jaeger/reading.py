"""Jaeger JSON -> canonical rows: tags are attributes, the process is the resource, logs are events.

Times are microseconds. A span's parent is the span that it is a child of, else the one that it follows from; every
other reference is kept as a link.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from traceview.sources.attributes import row_of
from traceview.sources.base import CanonicalRow, Probe, ReadReport
from traceview.sources.dialects.base import RawSpan, as_count
from traceview.sources.epochs import OLDEST, unit_of
from traceview.sources.jsontext import as_text, dumps
from traceview.sources.otlp.values import NO_TIME, nanoseconds, other_unit, status_of
from traceview.sources.records import Record, batches, mapping_of, records


def read(probe: Probe, report: ReadReport) -> Iterator[list[CanonicalRow]]:
    """Batches of canonical rows."""
    yield from batches(_rows(probe, report), report)


def _rows(probe: Probe, report: ReadReport) -> Iterator[CanonicalRow | None]:
    for where, trace in records(probe, report, pages=("data",)):
        spans = trace.get("spans")
        if not isinstance(spans, list):
            report.skip("not a trace of Jaeger", where)
            continue
        processes = {name: _resource(told) for name, told in mapping_of(trace.get("processes")).items()}
        for span in spans:
            raw = _raw(span, processes) if isinstance(span, dict) else None
            if raw is None:
                report.skip("span without a trace id or span id", where)
                continue
            if (remark := _remark(span.get("startTime"))) is not None:
                report.skip(remark, where)
            yield row_of(raw)


def _raw(span: Record, processes: Mapping[str, dict[str, Any]]) -> RawSpan | None:
    trace_id, span_id = _id(span.get("traceID"), 32), _id(span.get("spanID"), 16)
    if trace_id is None or span_id is None:
        return None
    attributes = _tags(span.get("tags"))
    resource = processes.get(str(span.get("processID"))) or _resource(span.get("process"))
    start, size = _time(span.get("startTime"))
    duration = as_count(span.get("duration"))
    parent_id, links = _references(span, trace_id)
    status = status_of(attributes.get("otel.status_code"))
    if attributes.get("error") in (True, "true"):
        status = "error"
    return RawSpan(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=parent_id,
        name=as_text(span.get("operationName")) or "",
        start_ns=start,
        end_ns=start + duration * size if start is not None and duration is not None else None,
        status=status,
        status_message=as_text(attributes.get("otel.status_description")),
        attributes=attributes,
        events=[_event(log) for log in span.get("logs") or () if isinstance(log, dict)],
        links=links,
        resource=resource,
        resource_json=dumps(resource),
        scope_name=as_text(attributes.get("otel.scope.name") or attributes.get("otel.library.name")),
        source="jaeger",
    )


def _references(span: Record, trace_id: str) -> tuple[str | None, list[dict[str, Any]]]:
    """The parent, and links to everything else that the span refers to."""
    listed = [one for one in span.get("references") or () if isinstance(one, dict)]
    if not listed and span.get("parentSpanID"):
        return _id(span["parentSpanID"], 16), []
    parent: dict[str, Any] | None = None
    for kind in ("CHILD_OF", "FOLLOWS_FROM"):
        same = [
            one for one in listed if one.get("refType") == kind and _id(one.get("traceID"), 32) == trace_id
        ]
        parent = parent or (same[0] if same else None)
    links = [
        {
            "trace_id": _id(one.get("traceID"), 32),
            "span_id": _id(one.get("spanID"), 16),
            "attributes": {"reference": as_text(one.get("refType"))},
        }
        for one in listed
        if one is not parent or one.get("refType") == "FOLLOWS_FROM"
    ]
    return (_id(parent.get("spanID"), 16) if parent else None), links


def _id(value: Any, digits: int) -> str | None:
    """An id in lower case; leading zeros, which Jaeger leaves out, are put back."""
    text = (as_text(value) or "").lower()
    return text.rjust(digits, "0") if text.strip("0") else None


def _time(value: Any) -> tuple[int | None, int]:
    """A time in nanoseconds, and how many of them its unit has: microseconds, unless its magnitude tells another."""
    number = as_count(value) or 0
    unit = unit_of(number)
    size = unit[0] if unit is not None else 1000 if number < OLDEST else 1
    return nanoseconds(number * size), size


def _remark(value: Any) -> str | None:
    """What is to be told of a time."""
    number = as_count(value)
    if number is None:
        return NO_TIME if value else None
    if number >= OLDEST:
        return other_unit("nanoseconds", "microseconds")
    unit = unit_of(number)
    return other_unit(unit[1], "microseconds") if unit is not None and unit[0] != 1000 else None


def _tags(listed: Any) -> dict[str, Any]:
    return {
        str(tag["key"]): tag.get("value")
        for tag in (listed if isinstance(listed, list) else [])
        if isinstance(tag, dict) and "key" in tag
    }


def _resource(process: Any) -> dict[str, Any]:
    told = mapping_of(process)
    service = as_text(told.get("serviceName"))
    return ({"service.name": service} if service else {}) | _tags(told.get("tags"))


def _event(log: Record) -> dict[str, Any]:
    fields = _tags(log.get("fields"))
    name = fields.pop("event", None) or fields.get("message") or "log"
    return {
        "time_ns": _time(log.get("timestamp"))[0],
        "name": as_text(name),
        "attributes": fields,
    }
