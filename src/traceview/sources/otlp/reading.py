"""OTLP JSON -> canonical rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from traceview.sources.attributes import row_of
from traceview.sources.base import CanonicalRow, Probe, ReadReport
from traceview.sources.bytes import HEAD_BYTES, read_head
from traceview.sources.dialects.base import RawSpan
from traceview.sources.jsontext import as_text, dumps
from traceview.sources.otlp import binary, typed
from traceview.sources.otlp.binary import BinaryRequest
from traceview.sources.otlp.documents import documents
from traceview.sources.otlp.format import is_span
from traceview.sources.otlp.logs import RESOURCE_LOGS, LogEvents
from traceview.sources.otlp.typed import Request, parse
from traceview.sources.otlp.values import (
    attributes_of,
    events_of,
    first_key,
    identifier,
    is_identifier,
    items_of,
    links_of,
    objects,
    status_of,
    times_of,
)

BATCH = 2000
_HELD = 2 * BATCH
_HELD_BYTES = 64 << 20
_RESOURCE_SPANS = ("resourceSpans", "resource_spans", "batches")
_SCOPE_SPANS = (
    "scopeSpans", "scope_spans", "instrumentationLibrarySpans", "instrumentation_library_spans",
)  # fmt: skip
_SCOPE = ("scope", "instrumentationLibrary", "instrumentation_library")
_START = ("startTimeUnixNano", "start_time_unix_nano")
_END = ("endTimeUnixNano", "end_time_unix_nano")
_RESOURCE_METRICS = ("resourceMetrics", "resource_metrics")
_PAGES = (*_RESOURCE_SPANS, *RESOURCE_LOGS, *_RESOURCE_METRICS)
"""The keys of an export request, under which a large one is read item by item."""
Rows = tuple[str, int, Iterable[CanonicalRow]]
"""The rows of one request: its place, its size in bytes, and they."""

_METRICS = "metrics are not traces"
_NO_IDS = "span without a trace id or span id"
_ID_KEYS = (("traceId", 16), ("trace_id", 16), ("spanId", 8), ("span_id", 8))


class OtlpReader:
    """Reads files that belong together: log records that hold messages are looked up before spans are read."""

    def __init__(self, name: str, probes: Sequence[Probe], report: ReadReport) -> None:
        self.name = name
        self._logs = LogEvents()
        self._left = {probe.path for probe in probes}
        self._scanned = {probe.path for probe in probes if has_logs(probe)}
        for probe in probes:
            if probe.path in self._scanned:
                # read again, and what is wrong with it reported, when it is the file's turn
                for line, _, value in documents(probe, ReadReport(), pages=_PAGES):
                    for request in value if isinstance(value, list) else [value]:
                        if isinstance(request, dict):
                            self._logs.add(request, f"{probe.path.name}:{line}", report)

    def recognise(self, probe: Probe) -> bool:
        """True; which files it reads was decided before."""
        return True

    def read(self, probe: Probe, report: ReadReport) -> Iterator[list[CanonicalRow]]:
        """Batches of about 2,000 rows; with the last file, log records without a span are told."""
        yield from _read(probe, report, self._logs, known=probe.path in self._scanned)
        self._left.discard(probe.path)
        if not self._left:
            self._logs.finish(report)


def request_rows(
    request: Mapping[str, Any] | BinaryRequest, where: str, report: ReadReport, logs: LogEvents
) -> Iterator[CanonicalRow]:
    """The rows of one export request, in its order; a span that comes twice is given twice."""
    return rows_of_value(request, where, report, logs, known=True)


def count_spans(request: Mapping[str, Any]) -> tuple[int, int]:
    """How many spans of an export request can be read, and how many cannot: they have no ids, or are no objects.

    What is not the list or the object that is to hold spans counts as one that cannot be read.
    """
    usable = unusable = 0
    for resource_spans in items_of(request, _RESOURCE_SPANS):
        for scope_spans in items_of(resource_spans, _SCOPE_SPANS):
            for span in items_of(scope_spans, ("spans",)):
                if isinstance(span, dict) and None not in _ids(span):
                    usable += 1
                else:
                    unusable += 1
    return usable, unusable


def without_odd_ids(request: dict[str, Any]) -> None:
    """Take the ids of spans out of a request that are neither hex nor base64 of the protocol's length.

    Files may have ids of their writer's own making; a receiver refuses what no OTLP exporter sends.
    """
    for resource_spans in objects(first_key(request, _RESOURCE_SPANS)):
        for scope_spans in objects(first_key(resource_spans, _SCOPE_SPANS)):
            for span in _list(scope_spans.get("spans")):
                for name, size in _ID_KEYS if isinstance(span, dict) else ():
                    if name in span and not is_identifier(span[name], size):
                        del span[name]


def _ids(span: Mapping[str, Any]) -> tuple[str | None, str | None]:
    return identifier(first_key(span, ("traceId", "trace_id")), 16), identifier(
        first_key(span, ("spanId", "span_id")), 8
    )


def has_logs(probe: Probe) -> bool:
    """Whether log records stand near the start of a file."""
    head = read_head(probe.path, probe.compression, HEAD_BYTES)
    return any(key.encode() in head for key in RESOURCE_LOGS)


def read_binary(probe: Probe, report: ReadReport) -> Iterator[list[CanonicalRow]]:
    """Batches of about 2,000 rows of a file of protobuf messages."""
    return _batches(binary.messages(probe, report), report, LogEvents(), known=True)


def _read(probe: Probe, report: ReadReport, logs: LogEvents, *, known: bool) -> Iterator[list[CanonicalRow]]:
    """Batches of the spans of one file; `known` says that its log records are in `logs` already."""
    found = documents(probe, report, parse, _PAGES)
    requests = ((f"{probe.path.name}:{line}", size, value) for line, size, value in found)
    return _batches(requests, report, logs, known=known)


def _batches(
    requests: Iterable[tuple[str, int, Any]], report: ReadReport, logs: LogEvents, *, known: bool
) -> Iterator[list[CanonicalRow]]:
    """Batches of the spans of requests, of which each comes with its place and its size in bytes."""
    rows = (
        (where, size, rows_of_value(value, where, report, logs, known=known))
        for where, size, value in requests
    )
    return _held(rows, report)


def _held(found: Iterable[Rows], report: ReadReport) -> Iterator[list[CanonicalRow]]:
    """Rows in batches, each span once: they are held back for a while, for what may be delivered again.

    Much later a span that came with something else is given again, and the last one counts; only one without its end
    does not count after one that has ended.
    """
    held: dict[tuple[str, str], CanonicalRow] = {}
    held_bytes = 0
    given: dict[int, int] = {}
    """The spans that were given, each with what tells its last version from others."""
    for where, size, rows in found:
        for row in rows:
            key = (row["trace_id"], row["span_id"])
            if key in held:
                if row["end_ns"] is None and held[key]["end_ns"] is not None:
                    report.skip("span delivered again without its end, the one that has ended is kept", where)
                    continue
                report.skip("span delivered more than once, the last one is kept", where)
            elif (last := given.get(hash(key))) is None:
                report.spans += 1
            elif last == (version := _version(row)):
                report.skip("span delivered again much later as it was", where)
                continue
            elif last > 0 > version:
                report.skip("span delivered again without its end, the one that has ended is kept", where)
                continue
            else:
                report.skip("span delivered again much later, the last one is kept", where)
            held[key] = row
            while len(held) >= _HELD:
                yield _release(held, given, BATCH)
        held_bytes += size
        if held_bytes >= _HELD_BYTES and held:
            yield _release(held, given, len(held))
            held_bytes = 0
    while held:
        yield _release(held, given, BATCH)


def _release(
    held: dict[tuple[str, str], CanonicalRow], given: dict[int, int], count: int
) -> list[CanonicalRow]:
    rows = [held.pop(key) for key in list(islice(held, count))]
    given.update((hash((row["trace_id"], row["span_id"])), _version(row)) for row in rows)
    return rows


def _version(row: CanonicalRow) -> int:
    """A number for what a span has beside its ids; below 0 for one that has not ended."""
    told = abs(hash((row["end_ns"], row["status"], row["attributes"], row.get("events")))) + 1
    return -told if row["end_ns"] is None else told


def rows_of_value(
    value: Any, where: str, report: ReadReport, logs: LogEvents, *, known: bool
) -> Iterator[CanonicalRow]:
    """The rows of one document: a request, resource spans, scope spans, one span, or an array of any of these."""
    if isinstance(value, Request | BinaryRequest):
        for raw, remark in typed.raw_spans(value) if isinstance(value, Request) else binary.raw_spans(value):
            if raw is None:
                report.skip(_NO_IDS, where)
                continue
            if remark is not None:
                report.skip(remark, where)
            logs.join(raw)
            yield row_of(raw)
        return
    if isinstance(value, list):
        for item in value:
            yield from rows_of_value(item, where, report, logs, known=known)
        return
    if not isinstance(value, dict):
        report.skip("not an OTLP object", where)
        return
    other = _other_signals(value, where, report, logs, known)
    requests = first_key(value, _RESOURCE_SPANS)
    if requests is not None:
        for resource_spans in objects(requests):
            yield from _resource_rows(resource_spans, where, report, logs)
    elif first_key(value, _SCOPE_SPANS) is not None:
        yield from _resource_rows(value, where, report, logs)
    elif isinstance(value.get("spans"), list) and value.keys() & set(_SCOPE):
        yield from _scope_rows(value, {}, "{}", where, report, logs)
    elif is_span(value):
        yield from _span_rows([value], None, {}, "{}", where, report, logs)
    elif not other:
        report.skip("not an OTLP object", where)


def _other_signals(
    value: Mapping[str, Any], where: str, report: ReadReport, logs: LogEvents, known: bool
) -> bool:
    """Keep log records for the spans that follow, count metrics; True if the object holds such."""
    has_logs = any(name in value for name in RESOURCE_LOGS)
    metrics = first_key(value, _RESOURCE_METRICS)
    if has_logs and not known:
        logs.add(value, where, report)
    if metrics is not None:
        count = sum(
            len(_list(scope.get("metrics")))
            for resource in objects(metrics)
            for scope in objects(first_key(resource, ("scopeMetrics", "scope_metrics")))
        )
        if count:
            report.skip(_METRICS, where, count)
    return has_logs or metrics is not None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _resource_rows(
    value: Mapping[str, Any], where: str, report: ReadReport, logs: LogEvents
) -> Iterator[CanonicalRow]:
    holder = value.get("resource")
    resource = attributes_of(holder.get("attributes")) if isinstance(holder, dict) else {}
    resource_json = dumps(resource)
    for scope_spans in objects(first_key(value, _SCOPE_SPANS)):
        yield from _scope_rows(scope_spans, resource, resource_json, where, report, logs)


def _scope_rows(
    value: Mapping[str, Any],
    resource: dict[str, Any],
    resource_json: str,
    where: str,
    report: ReadReport,
    logs: LogEvents,
) -> Iterator[CanonicalRow]:
    scope = first_key(value, _SCOPE)
    scope_name = as_text(scope.get("name")) if isinstance(scope, dict) else None
    yield from _span_rows(
        _list(value.get("spans")), scope_name or None, resource, resource_json, where, report, logs
    )


def _span_rows(
    spans: list[Any],
    scope_name: str | None,
    resource: dict[str, Any],
    resource_json: str,
    where: str,
    report: ReadReport,
    logs: LogEvents,
) -> Iterator[CanonicalRow]:
    for span in spans:
        if not isinstance(span, dict):
            report.skip("not a span object", where)
            continue
        raw, remark = _raw_span(span, scope_name, resource, resource_json)
        if raw is None:
            report.skip(_NO_IDS, where)
        else:
            if remark is not None:
                report.skip(remark, where)
            logs.join(raw)
            yield row_of(raw)


def _raw_span(
    span: Mapping[str, Any], scope_name: str | None, resource: dict[str, Any], resource_json: str
) -> tuple[RawSpan | None, str | None]:
    trace_id, span_id = _ids(span)
    if trace_id is None or span_id is None:
        return None, None
    start, end, remark = times_of(first_key(span, _START), first_key(span, _END))
    status = span.get("status")
    code: Any = status
    message = None
    if isinstance(status, dict):
        code = status.get("code")
        message = as_text(status.get("message")) or None
    return RawSpan(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=identifier(first_key(span, ("parentSpanId", "parent_span_id")), 8),
        name=as_text(span.get("name")) or "",
        start_ns=start,
        end_ns=end,
        status=status_of(code),
        status_message=message,
        attributes=attributes_of(span.get("attributes")),
        events=events_of(span.get("events")),
        links=links_of(span.get("links")),
        resource=resource,
        resource_json=resource_json,
        scope_name=scope_name,
        source="otlp",
    ), remark
