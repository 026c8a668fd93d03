"""Traces of MLflow: what they look like; `reading` is imported once there is such a file."""

from __future__ import annotations

from collections.abc import Iterator

from traceview.sources.base import CanonicalRow, Probe, ReadReport

_TABLE = frozenset(("trace_id", "spans", "trace_metadata"))
_OLD_TABLE = frozenset(("request_id", "spans", "request_metadata"))


class MlflowTraces:
    """`{info, data}` a trace, or a row a trace with JSON in its cells."""

    name = "mlflow"

    def recognise(self, probe: Probe) -> bool:
        """True for the keys of a trace, or the columns of a table of traces."""
        if probe.container == "json":
            first = probe.first[0] if isinstance(probe.first, list) and probe.first else probe.first
            if isinstance(first, dict):
                data = first.get("data")
                told = isinstance(first.get("info"), dict) and isinstance(data, dict) and "spans" in data
                return told or first.keys() >= _TABLE or first.keys() >= _OLD_TABLE
            return {"info", "data", "spans"} <= probe.top_keys
        names = probe.columns.keys()
        return probe.container in ("csv", "parquet") and (names >= _TABLE or names >= _OLD_TABLE)

    def read(self, probe: Probe, report: ReadReport) -> Iterator[list[CanonicalRow]]:
        """Batches of canonical rows."""
        from traceview.sources.mlflow.reading import read

        return read(probe, report)

    def is_by_line(self, probe: Probe) -> bool:
        """True: a line is a trace."""
        return True
