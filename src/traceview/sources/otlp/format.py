"""OTLP JSON: what it looks like. What is in it is read by `reading`, which is imported once there is such a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from traceview.sources.base import CanonicalRow, ConvertedFormat, Probe, ReadReport
from traceview.sources.otlp.wire import framing
from traceview.sources.ranges import contains

_TOP_KEYS = frozenset(
    (
        "resourceSpans",
        "resource_spans",
        "resourceLogs",
        "resource_logs",
        "resourceMetrics",
        "resource_metrics",
    )
)
_SPAN_KEYS = (frozenset(("traceId", "spanId")), frozenset(("trace_id", "span_id")))
_SPAN_TIMES = frozenset(
    ("startTimeUnixNano", "start_time_unix_nano", "endTimeUnixNano", "end_time_unix_nano")
)
_BARE_SPAN = frozenset(("traceId", "spanId", "startTimeUnixNano"))


class OtlpJson:
    """OTLP JSON in any of its layouts.

    A span delivered twice, as retries do, counts once: the last of them, but none without its end after one that has
    ended. It is reported. Memory: 4,000 spans that are held back, and two numbers per span id.
    """

    name = "otlp"

    def recognise(self, probe: Probe) -> bool:
        """True if the first value, or the start of the file, has OTLP's keys."""
        if probe.container != "json":
            return False
        first = probe.first[0] if isinstance(probe.first, list) and probe.first else probe.first
        if isinstance(first, dict) and (_TOP_KEYS & first.keys() or is_span(first)):
            return True
        if _TOP_KEYS & probe.top_keys or (first is None and probe.top_keys >= _BARE_SPAN):
            return True
        # a file whose first lines are torn or foreign; inside of a text the quotes would be escaped
        head = probe.head.replace(b'" :', b'":')
        return any(f'"{key}":'.encode() in head for key in _TOP_KEYS)

    def read(self, probe: Probe, report: ReadReport) -> Iterator[list[CanonicalRow]]:
        """Batches of about 2,000 rows of one file alone."""
        return self.together([probe], report).read(probe, report)

    def together(self, probes: Sequence[Probe], report: ReadReport) -> ConvertedFormat:
        """A reader that gives spans the messages that stand in log records, of the same file or of others."""
        from traceview.sources.otlp.reading import OtlpReader

        return OtlpReader(self.name, probes, report)

    def related(self, probes: Sequence[Probe]) -> Sequence[Sequence[Probe]]:
        """All files together where one has log records, else each file alone."""
        from traceview.sources.otlp.reading import has_logs

        return [probes] if any(has_logs(probe) for probe in probes) else [[probe] for probe in probes]

    def is_by_line(self, probe: Probe) -> bool:
        """True unless there are log records: what they say belongs to spans of other lines."""
        return not contains(probe, tuple(f'"{key}"'.encode() for key in ("resourceLogs", "resource_logs")))


class OtlpProtobuf:
    """OTLP in protobuf: one export request, or messages with their lengths before them, as the Collector writes them.

    Messages that are compressed one by one (zstd), be they protobuf or JSON, are such files too.
    """

    name = "otlp-protobuf"

    def recognise(self, probe: Probe) -> bool:
        """True if the file begins with an export request."""
        return probe.container == "unknown" and framing(probe.head) is not None

    def read(self, probe: Probe, report: ReadReport) -> Iterator[list[CanonicalRow]]:
        """Batches of about 2,000 rows. Raises BadInput if the packages that decode protobuf are not installed."""
        from traceview.sources.otlp.reading import read_binary

        return read_binary(probe, report)


def is_span(value: Mapping[str, Any]) -> bool:
    """True if an object has a span's ids and times, in either spelling."""
    keys = value.keys()
    return any(names <= keys for names in _SPAN_KEYS) and bool(_SPAN_TIMES & keys)
