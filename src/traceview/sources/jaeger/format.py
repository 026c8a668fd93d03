"""Jaeger JSON: what it looks like; `reading` is imported once there is such a file."""

from __future__ import annotations

from collections.abc import Iterator

from traceview.sources.base import CanonicalRow, Probe, ReadReport


class JaegerJson:
    """`{data: [{traceID, spans, processes}]}`, or such traces one by one."""

    name = "jaeger"

    def recognise(self, probe: Probe) -> bool:
        """True for traces with Jaeger's names of ids and processes."""
        if probe.container != "json":
            return False
        first = probe.first
        if isinstance(first, dict) and isinstance(first.get("data"), list) and first["data"]:
            first = first["data"]
        if isinstance(first, list):
            first = first[0] if first else None
        if isinstance(first, dict):
            return "traceID" in first and "spans" in first and "processes" in first
        head = probe.head
        return all(f'"{key}"'.encode() in head for key in ("traceID", "spanID", "operationName"))

    def read(self, probe: Probe, report: ReadReport) -> Iterator[list[CanonicalRow]]:
        """Batches of canonical rows."""
        from traceview.sources.jaeger.reading import read

        return read(probe, report)

    def is_by_line(self, probe: Probe) -> bool:
        """True: a line is a page of traces."""
        return True
