"""Requests in the layout that nearly all writers use, decoded straight into typed objects: twice as fast as into dicts.

What does not fit exactly (snake_case, older layouts, logs beside spans, foreign values) raises, and is read by
`spans` as plain data. Source of the layout: opentelemetry-proto, ExportTraceServiceRequest in its JSON encoding.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import orjson
from msgspec import UNSET, UnsetType

from traceview.sources.dialects.base import RawSpan
from traceview.sources.jsontext import dumps
from traceview.sources.otlp.values import (
    CUT,
    MAX_DEPTH,
    double,
    events_of,
    identifier,
    integer,
    links_of,
    status_of,
    times_of,
)

_Number = float | int | str | UnsetType


class _Strict(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """No cycles can come of JSON, so the collector of cycles need not look at these."""


class _Value(_Strict):
    stringValue: str | UnsetType = UNSET
    intValue: str | int | UnsetType = UNSET
    doubleValue: _Number = UNSET
    boolValue: bool | UnsetType = UNSET
    arrayValue: _Values | UnsetType = UNSET
    kvlistValue: _Pairs | UnsetType = UNSET
    bytesValue: str | UnsetType = UNSET


class _Values(_Strict):
    values: list[_Value] = []


class _Pair(_Strict):
    key: str
    value: _Value


class _Pairs(_Strict):
    values: list[_Pair] = []


class _Status(_Strict):
    code: int | str | None = None
    message: str | None = None


class _Span(_Strict):
    traceId: str
    spanId: str
    startTimeUnixNano: str | int
    endTimeUnixNano: str | int | None = None
    parentSpanId: str | None = None
    name: str = ""
    kind: int | str | None = None
    traceState: str | None = None
    flags: int | None = None
    status: _Status | None = None
    attributes: list[_Pair] = []
    events: list[Any] = []
    links: list[Any] = []
    droppedAttributesCount: int = 0
    droppedEventsCount: int = 0
    droppedLinksCount: int = 0


class _Scope(msgspec.Struct, gc=False):
    name: str = ""


class _ScopeSpans(_Strict):
    spans: list[_Span]
    scope: _Scope | None = None
    schemaUrl: str = ""


class _Resource(msgspec.Struct, gc=False):
    attributes: list[_Pair] = []


class _ResourceSpans(_Strict):
    scopeSpans: list[_ScopeSpans]
    resource: _Resource | None = None
    schemaUrl: str = ""


class Request(_Strict):
    """An ExportTraceServiceRequest."""

    resourceSpans: list[_ResourceSpans]


_decoder = msgspec.json.Decoder(Request)


def parse(text: bytes) -> Any:
    """A Request where the text is exactly one, else plain data. Raises orjson.JSONDecodeError for what is no JSON."""
    try:
        return _decoder.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return orjson.loads(text)


def raw_spans(request: Request) -> Iterator[tuple[RawSpan | None, str | None]]:
    """Every span (None for one without ids), and what is to be told of its times."""
    traces: dict[str, str] = {}
    for resource_spans in request.resourceSpans:
        resource = {} if resource_spans.resource is None else _attributes(resource_spans.resource.attributes)
        resource_json = dumps(resource)
        for scope_spans in resource_spans.scopeSpans:
            scope_name = (scope_spans.scope.name if scope_spans.scope is not None else None) or None
            for span in scope_spans.spans:
                yield _raw_span(span, scope_name, resource, resource_json, traces)


def _raw_span(
    span: _Span,
    scope_name: str | None,
    resource: dict[str, Any],
    resource_json: str,
    traces: dict[str, str],
) -> tuple[RawSpan | None, str | None]:
    trace_id = traces.get(span.traceId)
    if trace_id is None:
        trace_id = identifier(span.traceId, 16)
        if trace_id is not None:
            traces[span.traceId] = trace_id
    span_id = identifier(span.spanId, 8)
    if trace_id is None or span_id is None:
        return None, None
    status = span.status
    start, end, remark = times_of(span.startTimeUnixNano, span.endTimeUnixNano)
    return RawSpan(
        trace_id,
        span_id,
        identifier(span.parentSpanId, 8) if span.parentSpanId else None,
        span.name,
        start,
        end,
        "unset" if status is None else status_of(status.code),
        None if status is None else status.message or None,
        _attributes(span.attributes),
        events_of(span.events) if span.events else [],
        links_of(span.links) if span.links else [],
        resource,
        resource_json,
        scope_name,
        "otlp",
    ), remark


def _attributes(pairs: list[_Pair], depth: int = 0) -> dict[str, Any]:
    return {
        pair.key: text if (text := pair.value.stringValue) is not UNSET else _plain(pair.value, depth)
        for pair in pairs
    }


def _plain(value: _Value, depth: int) -> Any:
    """The value, of the kinds the frequent ones first."""
    if value.intValue is not UNSET:
        return integer(value.intValue)
    if value.doubleValue is not UNSET:
        return double(value.doubleValue)
    if value.boolValue is not UNSET:
        return value.boolValue
    if value.stringValue is not UNSET:
        return value.stringValue
    if value.bytesValue is not UNSET:
        return value.bytesValue
    if depth > MAX_DEPTH:
        return CUT
    if not isinstance(value.arrayValue, UnsetType):
        # vectors are long, and what JSON has of numbers is finite
        return [
            item.doubleValue
            if item.doubleValue.__class__ is float and item.intValue is UNSET
            else _plain(item, depth + 1)
            for item in value.arrayValue.values
        ]
    if not isinstance(value.kvlistValue, UnsetType):
        return _attributes(value.kvlistValue.values, depth + 1)
    return None
