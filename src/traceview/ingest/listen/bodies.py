"""Bodies of requests: decompressed with a limit, decoded, and their usable records counted."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError, Message
from msgspec import Struct
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from traceview.ingest.listen.inbox import Encoding
from traceview.sources.base import ReadReport
from traceview.sources.jsontext import loads
from traceview.sources.otlp.binary import has_ids
from traceview.sources.otlp.logs import messages
from traceview.sources.otlp.reading import count_spans, without_odd_ids

COMPRESSIONS = ("identity", "gzip", "deflate")
_WINDOW = {"gzip": 31, "deflate": 15}
_CHUNK = 1 << 20
_BIT = 64 << 10
_SMALL = 8 << 20
_GROWTH = 200
"""Spans that all hold the same long prompt are packed to a 120th; gzip can do a 1,032nd."""
_MEMBERS = 1_000
"""Of one gzip stream: writers make one, or one for each buffer that they flush."""

_TOP = {
    "traces": ("resourceSpans", "resource_spans"),
    "logs": ("resourceLogs", "resource_logs"),
    "metrics": ("resourceMetrics", "resource_metrics"),
}
_MESSAGES: Mapping[str, type[Message]] = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}


class Undecodable(Exception):
    """A body that is not what its headers say; the message is for the sender."""


class TooLarge(Exception):
    """A body that becomes larger than the limit when it is decompressed, which is the message."""


class Counted(Struct, frozen=True):
    """How many records of a request can be kept, and how many cannot."""

    usable: int
    unusable: int


def decompress(body: bytes, compression: str, limit: int | None = None) -> bytes:
    """The body as it was before compression, of at most `limit` bytes. Raises Undecodable, TooLarge.

    With a limit it may not grow beyond `_GROWTH` times its size either, unless it is small: what packs better than
    traces do is made to take memory, which for the objects in it is twenty times their bytes.
    """
    if compression == "identity":
        return body
    pieces: list[bytes] = []
    size = 0
    most = None if limit is None else min(limit, max(_SMALL, _GROWTH * len(body)))
    for piece in _unpacked(body, compression):
        size += len(piece)
        if most is not None and size > most:
            raise TooLarge(most)
        pieces.append(piece)
    return b"".join(pieces)


def _unpacked(body: bytes, compression: str) -> Iterator[bytes]:
    """Pieces of the body, each of at most `_CHUNK` bytes. Raises Undecodable."""
    members = 0
    stream = None
    # a bit at a time: what a member leaves over is copied, and there may be many of them
    for at in range(0, len(body), _BIT):
        bit = body[at : at + _BIT]
        more = True
        while more:
            if stream is None:
                members += 1
                if members > _MEMBERS:
                    raise Undecodable(f"the {compression} stream has more than {_MEMBERS:,} members")
                stream = zlib.decompressobj(_WINDOW[compression])
            try:
                piece = stream.decompress(bit, _CHUNK)
            except zlib.error as error:
                raise Undecodable(f"not {compression}: {error}") from error
            if piece:
                yield piece
            if not stream.eof:
                bit = stream.unconsumed_tail
                # what is longer than a chunk may come of bytes that are taken already
                more = bool(bit) or len(piece) == _CHUNK
            elif compression == "gzip":
                # several members may follow each other
                bit, stream = stream.unused_data, None
                more = bool(bit)
            else:
                return
    if stream is not None:
        raise Undecodable(f"the {compression} stream ends too early")


def decode(signal: str, encoding: Encoding, data: bytes) -> Any:
    """A request as a protobuf message, or as JSON's plain data without ids that are not OTLP's. Raises Undecodable."""
    if encoding == "protobuf":
        message = _MESSAGES[signal]()
        try:
            message.ParseFromString(data)
        except (DecodeError, RecursionError) as error:
            raise Undecodable(f"not a protobuf export request of {signal}: {error}") from error
        return message
    try:
        value = loads(data)
    except ValueError as error:
        raise Undecodable(f"not JSON: {error}") from error
    names = _TOP[signal]
    if not isinstance(value, dict):
        raise Undecodable(f"not an export request of {signal}: it is no JSON object")
    if value and not any(isinstance(value.get(name), list) for name in names):
        raise Undecodable(f"not an export request of {signal}: it has no array {names[0]}")
    if signal == "traces":
        without_odd_ids(value)
    return value


def count(signal: str, request: Any) -> Counted:
    """How many spans, or messages in log records, a decoded request has; no metric is of use here."""
    if signal == "traces":
        return _count_spans(request) if isinstance(request, Message) else Counted(*count_spans(request))
    if signal == "logs":
        others = ReadReport()
        usable = sum(1 for _ in messages(log_request(request), "", others))
        return Counted(usable, others.skipped.total())
    return Counted(0, _count_points(request))


def log_request(request: Any) -> Mapping[str, Any]:
    """A request of log records in OTLP's JSON, whatever it was sent in."""
    found: Mapping[str, Any] = MessageToDict(request) if isinstance(request, Message) else request
    return found


def _count_spans(request: Any) -> Counted:
    usable = unusable = 0
    for resource_spans in request.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                if has_ids(span):
                    usable += 1
                else:
                    unusable += 1
    return Counted(usable, unusable)


def _count_points(request: Any) -> int:
    """The data points of a request of metrics."""
    told = MessageToDict(request) if isinstance(request, Message) else request
    return sum(_points(metric) for metric in _found(told, "resourceMetrics", "scopeMetrics", "metrics"))


def _found(value: Any, *keys: str) -> Iterator[Any]:
    """Everything below a chain of keys that each hold a list of objects."""
    if not keys:
        yield value
        return
    items = value.get(keys[0]) if isinstance(value, dict) else None
    for item in items if isinstance(items, list) else ():
        yield from _found(item, *keys[1:])


def _points(metric: Any) -> int:
    kinds = metric.values() if isinstance(metric, dict) else ()
    return sum(len(list(_found(kind, "dataPoints"))) for kind in kinds)
