"""Exports of Opik: what they look like; `reading` is imported once there is such a file."""

from __future__ import annotations

from collections.abc import Iterator

from traceview.sources.base import CanonicalRow, Probe, ReadReport

_CSV = frozenset(("trace_id", "trace_name", "span_id", "span_parent_span_id"))


class OpikExport:
    """One file a trace, `{trace, spans}`, or the CSV of it with a row per span."""

    name = "opik"

    def recognise(self, probe: Probe) -> bool:
        """True for an object with a trace and its spans, for columns of both, and for the project beside these."""
        if probe.container == "json":
            if is_project(probe):
                return True
            return is_trace_file(probe.first) or (
                probe.first is None and probe.top_keys >= {"trace", "spans"}
            )
        return probe.container == "csv" and is_csv(probe.columns.keys())

    def read(self, probe: Probe, report: ReadReport) -> Iterator[list[CanonicalRow]]:
        """Batches of canonical rows; the trace itself is the root span."""
        from traceview.sources.opik.reading import read

        return iter(()) if is_project(probe) else read(probe, report)

    def is_by_line(self, probe: Probe) -> bool:
        """True: a line is a trace."""
        return True


def is_project(probe: Probe) -> bool:
    """True for the file with the project's name that an export puts beside its traces: it has no spans."""
    named = probe.path.name == "project.json" and isinstance(probe.first, dict)
    return named and {"id", "name"} <= set(probe.first or ()) and any(probe.path.parent.glob("trace_*.*"))


def is_trace_file(value: object) -> bool:
    """True for `{trace: {...}, spans: [...]}`, also within a list."""
    one = value[0] if isinstance(value, list) and value else value
    return isinstance(one, dict) and isinstance(one.get("trace"), dict) and isinstance(one.get("spans"), list)


def is_csv(columns: object) -> bool:
    """True for the columns of Opik's CSV: those of the trace and those of the span side by side."""
    names = set(columns)  # type: ignore[call-overload]
    return names >= {"trace_id", "trace_name"} and any(name.startswith("span_") for name in names)
