"""Requests -> canonical rows, through the same mapping as files: protobuf spans become what JSON spans become."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf.message import Message

from traceview.sources.attributes import row_of
from traceview.sources.base import CanonicalRow, ReadReport
from traceview.sources.dialects.base import RawSpan
from traceview.sources.jsontext import dumps
from traceview.sources.otlp.logs import LogEvents
from traceview.sources.otlp.reading import request_rows
from traceview.sources.otlp.values import nanoseconds, status_of

_FAR = "time outside 1970 to 2262, the span was read without it"
_NO_IDS = "span without a trace id or span id"


def rows_of(request: Any, where: str, report: ReadReport, logs: LogEvents) -> Iterator[CanonicalRow]:
    """The rows of a decoded request of traces; what cannot be kept goes to `report`."""
    if not isinstance(request, Message):
        yield from request_rows(request, where, report, logs)
        return
    for resource_spans in _repeated(request, "resource_spans"):
        resource = _attributes(resource_spans.resource.attributes)
        resource_json = dumps(resource)
        for scope_spans in resource_spans.scope_spans:
            scope_name = scope_spans.scope.name or None
            for span in scope_spans.spans:
                raw = _raw_span(span, resource, resource_json, scope_name)
                if raw is None:
                    report.skip(_NO_IDS, where)
                    continue
                if span.start_time_unix_nano >> 63 or span.end_time_unix_nano >> 63:
                    report.skip(_FAR, where)
                raw.events.extend(logs.of(raw.trace_id, raw.span_id))
                yield row_of(raw)


def _repeated(message: Any, name: str) -> Iterable[Any]:
    found: Iterable[Any] = getattr(message, name)
    return found


def _raw_span(
    span: Any, resource: dict[str, Any], resource_json: str, scope_name: str | None
) -> RawSpan | None:
    trace_id, span_id = _identifier(span.trace_id), _identifier(span.span_id)
    if trace_id is None or span_id is None:
        return None
    return RawSpan(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=_identifier(span.parent_span_id),
        name=span.name,
        start_ns=nanoseconds(span.start_time_unix_nano),
        end_ns=nanoseconds(span.end_time_unix_nano),
        status=status_of(span.status.code),
        status_message=span.status.message or None,
        attributes=_attributes(span.attributes),
        events=[
            {
                "time_ns": nanoseconds(event.time_unix_nano),
                "name": event.name,
                "attributes": _attributes(event.attributes),
            }
            for event in span.events
        ],
        links=[
            {
                "trace_id": _identifier(link.trace_id),
                "span_id": _identifier(link.span_id),
                "attributes": _attributes(link.attributes),
            }
            for link in span.links
        ],
        resource=resource,
        resource_json=resource_json,
        scope_name=scope_name,
        source="otlp",
    )


def _identifier(value: bytes) -> str | None:
    return value.hex() if value.strip(b"\0") else None


def _attributes(items: Iterable[Any]) -> dict[str, Any]:
    return {item.key: _value(item.value) for item in items}


def _value(value: Any) -> Any:
    """An AnyValue as `otlp.values.any_value` gives it for JSON: bytes in base64, infinite numbers as text."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    content = getattr(value, kind)
    if kind == "array_value":
        return [_value(item) for item in content.values]
    if kind == "kvlist_value":
        return _attributes(content.values)
    if kind == "bytes_value":
        return base64.b64encode(content).decode()
    if kind == "double_value" and not math.isfinite(content):
        return str(content)
    return content
