"""Phoenix spans dataframes (Parquet): what they look like; `reading` is imported once there is such a file."""

from __future__ import annotations

from collections.abc import Iterator

from traceview.sources.base import CanonicalRow, Probe, ReadReport

TRACE = "context.trace_id"
SPAN = ("context.span_id", "__index_level_0__", "span_id")
_NEEDED = frozenset((TRACE, "span_kind", "start_time"))


class PhoenixSpans:
    """`client.spans.get_spans_dataframe().to_parquet(...)`, and the same of older clients."""

    name = "phoenix"

    def recognise(self, probe: Probe) -> bool:
        """True if the Parquet columns are those of a spans dataframe."""
        columns = probe.columns.keys()
        return probe.container == "parquet" and columns >= _NEEDED and any(name in columns for name in SPAN)

    def read(self, probe: Probe, report: ReadReport) -> Iterator[list[CanonicalRow]]:
        """Batches of up to 2,000 rows, in the order of the file."""
        from traceview.sources.phoenix.reading import read

        return read(probe, report)
