"""Project logs of Braintrust: what they look like; `reading` is imported once there is such a file."""

from __future__ import annotations

from collections.abc import Iterator

from traceview.sources.base import CanonicalRow, Probe, ReadReport

_KEYS = frozenset(("root_span_id", "span_id"))


class BraintrustLogs:
    """Rows with a root span: JSON lines, an array, or CSV."""

    name = "braintrust"

    def recognise(self, probe: Probe) -> bool:
        """True for rows that name their root span and what Braintrust says of spans."""
        names = probe.top_keys if probe.container == "json" else frozenset(probe.columns)
        if probe.container not in ("json", "csv"):
            return False
        return names >= _KEYS and bool(
            names & {"span_parents", "span_attributes", "metrics", "_is_merge", "log_id"}
        )

    def read(self, probe: Probe, report: ReadReport) -> Iterator[list[CanonicalRow]]:
        """Batches of canonical rows; rows that complete earlier ones are merged into them."""
        from traceview.sources.braintrust.reading import read

        return read(probe, report)

    def is_by_line(self, probe: Probe) -> bool:
        """True if no row completes another."""
        from traceview.sources.braintrust.reading import completes_rows

        return not completes_rows(probe)
