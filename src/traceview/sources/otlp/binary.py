"""OTLP in protobuf: messages of a file, and the spans of a message.

The package `opentelemetry-proto` is imported when there is a message to decode (the extra `listen`).
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from traceview.model.errors import BadInput
from traceview.sources.base import Probe, ReadReport
from traceview.sources.bytes import compression_of, open_bytes
from traceview.sources.dialects.base import RawSpan
from traceview.sources.jsontext import dumps
from traceview.sources.otlp.typed import parse
from traceview.sources.otlp.values import nanoseconds, status_of, times_of
from traceview.sources.otlp.wire import framing

_LARGEST = 1 << 30


class BinaryRequest(Struct, frozen=True):
    """A decoded ExportTraceServiceRequest."""

    message: Any


def messages(probe: Probe, report: ReadReport) -> Iterator[tuple[str, int, Any]]:
    """Place, size in bytes and request of every message of a file; what cannot be decoded is reported."""
    name = probe.path.name
    with open_bytes(probe.path, probe.compression) as stream:
        if framing(probe.head) == "bare":
            data = stream.read()
            report.bytes_read = len(data)
            yield from _decoded(data, f"{name}, its only message", report)
            return
        number = 0
        while size := stream.read(4):
            number += 1
            where = f"{name}, message {number}"
            length = int.from_bytes(size, "big")
            if len(size) < 4 or length > _LARGEST:
                report.skip("the length of a message is torn or absurd, the rest was not read", where)
                return
            data = stream.read(length)
            report.bytes_read += 4 + len(data)
            if len(data) < length:
                report.skip("the last message is torn", where)
                return
            yield from _decoded(data, where, report)


def _decoded(data: bytes, where: str, report: ReadReport) -> Iterator[tuple[str, int, Any]]:
    compression = compression_of(data[:4])
    if compression == "zstd":
        try:
            data = _decompressed(data)
        except (OSError, ValueError) as error:
            report.skip(f"the zstd stream of a message is torn ({error})", where)
            return
    try:
        value = parse(data) if data[:1] == b"{" else _request(data)
    except ValueError as error:
        report.skip(f"not an export request of traces: {error}", where)
        return
    yield where, len(data), value


def _decompressed(data: bytes) -> bytes:
    import pyarrow as pa

    with pa.CompressedInputStream(pa.BufferReader(data), "zstd") as stream:
        found: bytes = stream.read(_LARGEST + 1)
    if len(found) > _LARGEST:
        raise ValueError("it becomes larger than 1 GiB")
    return found


def _request(data: bytes) -> BinaryRequest:
    try:
        from google.protobuf.message import DecodeError
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    except ImportError as error:
        raise BadInput(
            "OTLP in protobuf is read by packages that are not installed",
            hint="in the folder of traceview: pip install '.[listen]'",
        ) from error
    message = ExportTraceServiceRequest()
    try:
        message.ParseFromString(data)
    except (DecodeError, RecursionError) as error:
        raise ValueError(str(error)) from error
    return BinaryRequest(message)


def raw_spans(request: BinaryRequest) -> Iterator[tuple[RawSpan | None, str | None]]:
    """Every span (None for one without ids), and what is to be told of its times."""
    for resource_spans in request.message.resource_spans:
        resource = _attributes(resource_spans.resource.attributes)
        resource_json = dumps(resource)
        for scope_spans in resource_spans.scope_spans:
            scope_name = scope_spans.scope.name or None
            for span in scope_spans.spans:
                yield _raw_span(span, resource, resource_json, scope_name)


def _raw_span(
    span: Any, resource: dict[str, Any], resource_json: str, scope_name: str | None
) -> tuple[RawSpan | None, str | None]:
    if not has_ids(span):
        return None, None
    start, end, remark = times_of(span.start_time_unix_nano, span.end_time_unix_nano)
    return RawSpan(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=_identifier(span.parent_span_id),
        name=span.name,
        start_ns=start,
        end_ns=end,
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
    ), remark


def has_ids(span: Any) -> bool:
    """Whether a span of a message has a trace id of 16 bytes and a span id of 8, and neither is all zeros."""
    return len(span.trace_id) == 16 and len(span.span_id) == 8 and any(span.trace_id) and any(span.span_id)


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
